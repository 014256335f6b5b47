"""Answer requests over HTTP with a model file.  `python scripts/serve.py --help`."""

from churn_torch.cli.main import run_script

if __name__ == "__main__":
    run_script("serve")
