"""The files of a campaign: the list, its control group, a page and what was assumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from churn_torch.decisions.call_list import ListRows
from churn_torch.decisions.campaign_record import (
    CALLS,
    CONTROL,
    PAGE,
    RECORD,
    RESULTS,
    RESULTS_PAGE,
    RESULTS_TABLE,
    sha256_of,
)
from churn_torch.errors import InputError
from churn_torch.tables.readers import sources
from churn_torch.tables.readers.writing import CSV, PARQUET
from churn_torch.whole_files import new_folders, private_folder, replace_all


class CampaignFiles:
    """Where the files of a campaign go.

    Args:
        out: The list: CSV or Parquet, by its ending.

    Attributes:
        calls: The list.
        control: The control group, beside it and in the same format.
        page: What is expected, for people.
        campaign: What was assumed and what is expected, as JSON, beside them.

    Raises:
        InputError: The ending is unknown, or the list has the name of its control group.
    """

    def __init__(self, out: str | Path) -> None:
        self.calls = Path(out).expanduser()
        name = self.calls.name.lower()
        ending = next((end for end in PARQUET + CSV if name.endswith(end)), None)
        if ending is None or name == f"{CONTROL}{ending}":
            raise InputError(
                "out",
                expected="a file that ends in .csv, .csv.gz, .tsv or .parquet, beside which "
                "control and campaign.json have a place",
                got=repr(str(out)),
                fix=f"name it {self.calls / 'calls.csv' if not self.calls.suffix else 'calls.csv'}",
            )
        self.control = self.calls.with_name(f"{CONTROL}{self.calls.name[-len(ending) :]}")
        self.page = self.calls.with_name(PAGE)
        self.campaign = self.calls.with_name(RECORD)

    @property
    def all(self) -> tuple[Path, ...]:
        """All files, in the order in which they are put in place."""
        return self.calls, self.control, self.page, self.campaign

    def check(self, source: sources.Source, reading: Any, *, overwrite: bool) -> None:
        """Refuse to write over what is read, or over another campaign.

        Raises:
            InputError: A file is there already, or is the source.
        """
        for path in self.all:
            sources.check_output(path, source, reading)
            if path.is_dir():
                raise InputError(
                    "out",
                    expected="a place for a file",
                    got=f"{str(path)!r}, which is a folder",
                    fix=f"name a file in it, such as {path / 'calls.csv'}",
                )
        if not overwrite:
            self._check_free()

    def _check_free(self) -> None:
        if there := [path for path in self.all if path.exists()]:
            raise InputError(
                "out",
                expected="a folder without a campaign",
                got=f"{str(there[0])!r}, which is there already",
                fix="name another folder, or set overwrite=true (its results go too)",
            )

    def write(
        self,
        rows: ListRows,
        page: str,
        content: Mapping[str, Any],
        *,
        overwrite: bool = False,
    ) -> None:
        """Write all files; where one cannot be written none is.

        Args:
            rows: The list and its control group.
            page: The page.
            content: The content of campaign.json but for ``files``.
            overwrite: Whether they may take the places of another campaign.

        Raises:
            InputError: A file cannot be written, or was written by another process meanwhile.
        """
        try:
            with new_folders(self.calls.parent), private_folder(self.calls.parent) as folder:
                files = {}
                for key, frame, path in (
                    (CALLS, rows.calls, self.calls),
                    (CONTROL, rows.control, self.control),
                ):
                    written = folder / path.name
                    sources.write([frame], written, key=None)
                    files[key] = {"name": path.name, "rows": len(frame)}
                    files[key] |= {"sha256": sha256_of(written)}
                text = json.dumps(
                    {**content, "files": files}, indent=2, ensure_ascii=False, allow_nan=False
                )
                (folder / PAGE).write_text(page, encoding="utf-8")
                (folder / RECORD).write_text(text, encoding="utf-8")
                replace_all(
                    {folder / path.name: path for path in self.all},
                    check=None if overwrite else self._check_free,
                )
                for name in (RESULTS_TABLE, RESULTS_PAGE, RESULTS):  # of the lists before
                    self.calls.with_name(name).unlink(missing_ok=True)
        except OSError as error:
            raise InputError(
                "out",
                expected="a folder that can be written to",
                got=f"{str(self.calls.parent)!r} ({error.strerror or error})",
                fix="choose another folder",
            ) from None
