"""Write a run's ONNX file again.  `python scripts/export.py --help`."""

from churn_torch.cli.main import main

if __name__ == "__main__":
    main("export")
