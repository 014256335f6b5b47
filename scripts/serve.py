"""Answer requests over HTTP with a model file.  `python scripts/serve.py --help`."""

from churn_torch.commandline import run_command

if __name__ == "__main__":
    run_command("serve")
