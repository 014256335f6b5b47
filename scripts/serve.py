"""Answer requests over HTTP with a model file.  `python scripts/serve.py --help`."""

from churn_torch.cli.main import main

if __name__ == "__main__":
    main("serve")
