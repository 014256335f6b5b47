"""Write a run's ONNX file anew.  `python scripts/export.py --help`."""

from churn_torch.commandline import run_command

if __name__ == "__main__":
    run_command("export")
