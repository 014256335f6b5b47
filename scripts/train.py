"""Train a churn model and write its run folder.  `python scripts/train.py --help`."""

from churn_torch.cli.main import run_script

if __name__ == "__main__":
    run_script("train")
