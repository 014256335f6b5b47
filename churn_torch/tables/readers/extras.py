"""Packages that some formats need and that are no part of a plain installation."""

from __future__ import annotations

from churn_torch.errors import InputError


def missing(package: str, *, extra: str, what: str) -> InputError:
    """Return the sentence for a package that is not installed.

    Args:
        package: The package that reads the format.
        extra: The extra of churn_torch that installs it.
        what: The file.
    """
    return InputError(
        what,
        expected=f"the package {package!r}, which reads this format",
        got="none",
        fix=f"install it with pip install 'churn-torch[{extra}]', or save the table as CSV",
    )
