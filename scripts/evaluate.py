"""Evaluate a trained run.  `python scripts/evaluate.py --help`."""

from churn_torch.commandline import run_command

if __name__ == "__main__":
    run_command("evaluate")
