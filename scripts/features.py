"""Make customer rows from events.  `python scripts/features.py --help`."""

from churn_torch.cli.main import main

if __name__ == "__main__":
    main("features")
