"""Explain one customer, or the factors of a model.  `python scripts/explain.py --help`."""

from churn_torch.cli.main import main

if __name__ == "__main__":
    main("explain")
