"""Write a run's ONNX file anew.  `python scripts/export.py --help`."""

from churn_torch.cli.main import run_script

if __name__ == "__main__":
    run_script("export")
