"""Choose whom to contact with which offer.  `python scripts/campaign.py --help`."""

from churn_torch.cli.main import main

if __name__ == "__main__":
    main("campaign")
