"""The choices in a run folder are read, or the folder is refused."""

from __future__ import annotations

import pytest

from churn_torch.errors import InputError
from churn_torch.workflows.stored_config import load_config


def test_load_config_refuses_what_is_no_run(tmp_path):
    with pytest.raises(InputError, match=r"got '.*nothing', which is not there"):
        load_config(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"with config\.yaml, got '.*' without it"):
        load_config(tmp_path)
