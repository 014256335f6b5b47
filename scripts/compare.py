"""Compare runs on their shared test rows.  `python scripts/compare.py --help`."""

from churn_torch.cli.main import main

if __name__ == "__main__":
    main("compare")
