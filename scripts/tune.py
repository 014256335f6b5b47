"""Search for better values, then train with the best.  `python scripts/tune.py --help`."""

from churn_torch.cli.main import main

if __name__ == "__main__":
    main("tune")
