"""Train a churn model and write its run folder.  `python scripts/train.py --help`."""

from churn_torch.cli.main import main

if __name__ == "__main__":
    main("train")
