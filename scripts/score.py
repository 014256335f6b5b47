"""Score a customer table with a run's ONNX file.  `python scripts/score.py --help`."""

from churn_torch.cli.main import main

if __name__ == "__main__":
    main("score")
