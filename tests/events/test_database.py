from __future__ import annotations

import errno

import pytest

from churn_torch.events.database import MEMORY, open_database
from churn_torch.tables.sql_text import quoted


def test_a_folder_that_cannot_be_written_is_an_error_of_the_disk(tmp_path):
    absent = quoted(str(tmp_path / "absent" / "rows.parquet"))
    with (
        pytest.raises(FileNotFoundError) as raised,
        open_database(tmp_path, MEMORY, None) as connection,
    ):
        connection.execute(f"COPY (SELECT 1) TO {absent}")
    assert (raised.value.errno, raised.value.filename) == (errno.ENOENT, None)
