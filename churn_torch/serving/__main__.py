"""``python -m churn_torch.serving MODEL.onnx``: show the metadata of an ONNX file."""

from __future__ import annotations

from churn_torch import interruption

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


def main(arguments: list[str] | None = None) -> None:
    """Print the tables, or with ``--json`` the metadata; exit 1 with one sentence on an error."""
    # Imported here, where signals are handled.
    import argparse
    import sys
    from pathlib import Path

    from churn_torch.console import replace_unprintable
    from churn_torch.errors import InputError, escaped

    parser = argparse.ArgumentParser(
        prog="python -m churn_torch.serving",
        description="Show the inputs, outputs, metrics and origin of an ONNX file of churn_torch.",
    )
    parser.add_argument(
        "model", type=Path, metavar="MODEL.onnx", help="the file, e.g. outputs/latest/model.onnx"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the metadata as JSON instead of tables"
    )
    options = parser.parse_args(arguments)
    replace_unprintable()
    try:
        _show(options.model, options.json)
    except InputError as error:
        sys.exit(escaped(f"Error: {str(error).removesuffix('.')}."))
    except BrokenPipeError:  # `| head` has seen enough
        sys.stdout = None


def _show(path: Path, as_json: bool) -> None:
    import json

    from churn_torch.console import make_console
    from churn_torch.errors import InputError, escaped_lines
    from churn_torch.serving.describe import describe_file
    from churn_torch.serving.model_file import ModelFile

    if not path.is_file():
        raise InputError(
            "model",
            expected="an ONNX file",
            got=f"{'a folder' if path.is_dir() else 'nothing'} at {str(path)!r}",
            fix="name the model.onnx of a run folder or a file that churn-torch export wrote",
        )
    file = ModelFile(path)
    if as_json:
        content = {**file.metadata, "schema": json.loads(file.metadata["schema"])}
        print(escaped_lines(json.dumps(content, indent=1, ensure_ascii=False)))
        return
    try:
        tables = describe_file(file, path.stat().st_size)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            "model",
            expected=f"complete metadata in {path}",
            got=f"damaged metadata ({type(error).__name__}: {error})",
            fix="write the file again with churn-torch export",
        ) from error
    console = make_console()
    console.print(str(path), markup=False)
    for table in tables:
        console.print(table)


if __name__ == "__main__":
    interruption.run_as_process(main)
