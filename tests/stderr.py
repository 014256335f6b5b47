"""What a command says on stderr, less what is not ours."""

from __future__ import annotations


def own(stderr: str) -> str:
    """Return it without onnxruntime's notes on GPUs that it does not find on some machines."""
    return "".join(line for line in stderr.splitlines(True) if "[W:onnxruntime:" not in line)
