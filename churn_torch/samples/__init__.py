"""Small customer tables that ship with the package; README.md names their sources."""

from __future__ import annotations

from pathlib import Path

from churn_torch.errors import InputError, suggest


def path(name: str) -> Path:
    """Return the Parquet file of the sample called ``name``.

    Args:
        name: Name of a sample, e.g. ``"telco"``.

    Raises:
        InputError: There is no such sample; the message names those that exist.
    """
    samples = {file.stem: file for file in sorted(Path(__file__).parent.glob("*.parquet"))}
    if name not in samples:
        raise InputError(
            "sample",
            expected=f"the name of a sample table ({', '.join(samples)})",
            got=f"{name!r}{suggest(name, samples)}",
        )
    return samples[name]
