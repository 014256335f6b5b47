"""The configuration of a training in a test, composed in a tenth of the time."""

from __future__ import annotations

import re
from collections.abc import Sequence

from omegaconf import DictConfig

from churn_torch.cli.compose import compose
from churn_torch.cli.keys import GROUPS

# Names with odd letters must be quoted, and some words are no text in YAML: they are composed.
PLAIN_KEY = re.compile(
    r"(?!data\.(?:kinds|ignore))[\w.]+=(?!(?:yes|no|on|off|y|n|-)\Z)[\w.,:/\[\]+-]*",
    re.ASCII | re.IGNORECASE,
)


def composed(name: str, overrides: Sequence[str] = ()) -> DictConfig:
    """Compose the choices, and set plain keys in the result.

    Most tests make the same choices, which are composed once, and differ in a path or a number.
    tests/cli/test_compose.py holds that the result is the same.
    """
    plain = [o for o in overrides if PLAIN_KEY.fullmatch(o) and o.partition("=")[0] not in GROUPS]
    config = compose(name, [override for override in overrides if override not in plain])
    config.merge_with_dotlist(plain)
    return config
