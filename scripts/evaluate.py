"""Evaluate a trained run.  `python scripts/evaluate.py --help`."""

from churn_torch.cli.main import main

if __name__ == "__main__":
    main("evaluate")
