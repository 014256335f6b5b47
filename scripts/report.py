"""Write the report of a run as one HTML page.  `python scripts/report.py --help`."""

from churn_torch.cli.main import main

if __name__ == "__main__":
    main("report")
