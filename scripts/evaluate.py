"""Evaluate a trained run.  `python scripts/evaluate.py --help`."""

from churn_torch.cli.main import run_script

if __name__ == "__main__":
    run_script("evaluate")
