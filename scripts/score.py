"""Score a customer table with a run's ONNX file.  `python scripts/score.py --help`."""

from churn_torch.cli.main import run_script

if __name__ == "__main__":
    run_script("score")
