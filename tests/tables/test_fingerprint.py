"""The short name of a table's content."""

from __future__ import annotations

import pandas as pd
import pytest

from churn_torch.tables.fingerprint import fingerprint


class TestFingerprint:
    """Two tables share it exactly when names, rows and their order are the same."""

    FRAME = pd.DataFrame({"a": [1.0, 2.0, None], "b": ["x", None, "z"]})

    def test_is_short_and_stable(self) -> None:
        assert fingerprint(self.FRAME) == fingerprint(self.FRAME.copy())
        assert fingerprint(self.FRAME.set_index([[9, 8, 7]])) == fingerprint(self.FRAME)
        assert len(fingerprint(self.FRAME)) == 16
        # Pinned: a run folder must know its table on another day and another machine.
        assert fingerprint(self.FRAME) == "0653d2f5ba352024"

    def test_does_not_mind_how_text_is_stored(self) -> None:
        for dtype in (object, "category", "string"):
            assert fingerprint(self.FRAME.astype({"b": dtype})) == fingerprint(self.FRAME)

    def test_does_not_mind_how_the_rows_were_put_together(self) -> None:
        parts = [self.FRAME.iloc[:1], self.FRAME.iloc[1:]]
        whole = pd.concat([self.FRAME] * 2, ignore_index=True)
        for joined in (pd.concat([*parts, *parts]), whole.iloc[:6], whole.take(range(6))):
            assert fingerprint(joined) == fingerprint(whole)
        assert fingerprint(whole.iloc[3:]) == fingerprint(self.FRAME)
        whole["n"] = range(6)
        assert fingerprint(whole.astype({"n": "int32"})) == fingerprint(whole)

    def test_cells_do_not_run_into_each_other(self) -> None:
        for one, other in ((["ab", "c"], ["a", "bc"]), (["", None], [None, ""])):
            frames = [pd.DataFrame({"a": pd.Series(cells, dtype="str")}) for cells in (one, other)]
            assert fingerprint(frames[0]) != fingerprint(frames[1])

    @pytest.mark.parametrize(
        "other",
        [
            FRAME.iloc[::-1],
            FRAME.iloc[:2],
            FRAME[["b", "a"]],
            FRAME.rename(columns={"a": "c"}),
            FRAME.assign(a=[1.0, 2.0, 3.0]),
            FRAME.assign(b=["x", None, "Z"]),
            FRAME.assign(c=1),
        ],
        ids=range(7),
    )
    def test_sees_every_change(self, other: pd.DataFrame) -> None:
        assert fingerprint(other) != fingerprint(self.FRAME)

    def test_takes_any_cells(self) -> None:
        frame = pd.DataFrame(
            {
                "nested": [[1], {"a": 2}, None],
                "mixed": ["a", 1, True],
                "dates": pd.to_datetime(["2024-01-31", None, None]),
                "flags": pd.array([True, None, False], dtype="boolean"),
                "spans": pd.to_timedelta([1, 2, 3], unit="D"),
                "whole": pd.array([1, None, 3], dtype="Int64"),
                "days": pd.array(pd.to_datetime(["2024-01-31"] * 3).date, dtype="date32[pyarrow]"),
                "arrow": pd.array([1, None, 3], dtype="int64[pyarrow]"),
                "zoned": pd.to_datetime(["2024-01-31", None, None]).tz_localize("Asia/Tokyo"),
            }
        )
        changed = frame.assign(nested=[[1], {"a": 3}, None])
        assert fingerprint(frame) != fingerprint(changed)
        assert fingerprint(frame) == fingerprint(frame.copy())
