"""What a campaign has left in its folder: campaign.json and the lists it names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pandas as pd

from churn_torch.errors import InputError, keyed
from churn_torch.serving.model_path import check_own, read_own
from churn_torch.serving.outputs import PROBABILITY, UPLIFT
from churn_torch.tables.json_shape import faults
from churn_torch.tables.labelled.carried import ROW, VALUE
from churn_torch.tables.readers import sources
from churn_torch.tables.values.cells import canonical_text
from churn_torch.tables.values.plain_numbers import read_numbers

RECORD, PAGE = "campaign.json", "campaign.html"
# The results of the campaign, in the order in which they are put in place.
RESULTS_TABLE, RESULTS_PAGE, RESULTS = "results.csv", "results.html", "results.json"
FORMAT = 1
KEY = "campaign"
CALLS, CONTROL = "calls", "control"  # how campaign.json names the lists
# Columns of the lists, beside those of `churn_torch.serving.outputs` and of carried columns.
OFFER, NET = "offer", "expected_net_value"
_NUMBERS = (PROBABILITY, VALUE, NET)


class _List(TypedDict):
    name: str
    sha256: str


class _Control(TypedDict):
    share: float


class _Content(TypedDict):
    """What is read of campaign.json."""

    offers: dict[str, dict[str, Any]]
    files: dict[str, _List]
    control: NotRequired[_Control | None]


@dataclass(frozen=True)
class CampaignRecord:
    """The campaign.json of a folder.

    Attributes:
        folder: The folder.
        content: All of the file.
    """

    folder: Path
    content: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The column that names a customer in the lists."""
        return str(self.content.get("id") or ROW)

    @property
    def share_control(self) -> float:
        """The share of the control group that was planned; 0 for none."""
        return float((self.content.get("control") or {}).get("share") or 0.0)

    @property
    def offers(self) -> Mapping[str, Mapping[str, Any]]:
        """The keys of each offer, as in conf/offer."""
        return dict(self.content["offers"])

    def list_file(self, name: str) -> Path | None:
        """Return the file of a list (calls, control), None where the campaign has none."""
        entry = self.content["files"].get(name)
        return self.folder / Path(entry["name"]).name if entry else None


def read_record(folder: str | Path) -> CampaignRecord:
    """Read the campaign.json of a folder.

    Raises:
        InputError: There is none, or it is none of churn_torch, or of a newer version, or the
            file is not in the folder itself.
    """
    folder = Path(folder).expanduser()
    path = folder / RECORD
    try:
        content = json.loads(read_own(path, KEY))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            KEY,
            expected=f"a folder that churn-torch campaign has written, with {RECORD}",
            got=f"{str(folder)!r} without it" if folder.is_dir() else f"{str(folder)!r}, no folder",
            fix="name the folder of the call list",
        ) from None
    except InputError:
        raise
    except (ValueError, IsADirectoryError, RecursionError):
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("format"), int):
        raise _another(folder, "no number of its format")
    if content["format"] > FORMAT:
        raise InputError(
            KEY,
            expected=f"a {RECORD} of format {FORMAT}",
            got=f"format {content['format']}",
            fix="use the version of churn_torch that wrote it",
        )
    for fault in faults(content, _Content):
        raise _another(folder, fault)
    record = CampaignRecord(folder, content)
    if not 0 <= record.share_control < 1:
        raise _another(folder, f"control.share is {record.share_control}")
    return record


def _another(folder: Path, fault: str) -> InputError:
    return InputError(
        KEY,
        expected=f"a {RECORD} as churn-torch campaign writes it",
        got=f"another file in {str(folder)!r} ({fault})",
        fix="name the folder of the call list",
    )


def read_lists(record: CampaignRecord) -> pd.DataFrame:
    """Read the call list and the control group of a campaign.

    Returns:
        A row a customer: ``id`` (text), ``treated``, ``offer`` and the numbers of the list
        (``churn_probability``, ``value``, ``expected_net_value`` and, if there is one, ``uplift``).

    Raises:
        InputError: A file is missing or not the one that was written, or lacks a column.
    """
    parts = []
    for name in (CALLS, CONTROL):
        path = record.list_file(name)
        if path is None:
            continue
        _check_unchanged(path, record.content["files"][name], record)
        if record.content["files"][name].get("rows", 1):  # readers refuse a table without rows
            with keyed(KEY):
                rows = _columns(sources.read(path), record, path)
            parts.append(rows.assign(treated=name == CALLS))
    if not parts:
        raise _another(record.folder, "files names no list")
    return pd.concat(parts, ignore_index=True)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 digest of a list, by which a change is seen."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_unchanged(path: Path, entry: Mapping[str, Any], record: CampaignRecord) -> None:
    check_own(path, record.folder, KEY)
    if not path.is_file():
        raise InputError(
            KEY,
            expected=f"{path.name}, which {RECORD} names",
            got=f"none in {str(record.folder)!r}",
            fix="put it back: without it nobody knows who was in which group",
        )
    if sha256_of(path) != entry["sha256"]:
        raise InputError(
            KEY,
            expected=f"{path.name} as the campaign wrote it",
            got="a file that was changed, or is of another campaign (its sha256 differs)",
            fix="put the original back, and keep notes in a copy",
        )


def _columns(frame: pd.DataFrame, record: CampaignRecord, path: Path) -> pd.DataFrame:
    # A name that a spreadsheet would take for a formula has an apostrophe before it.
    frame = frame.rename(columns={f"'{record.id}": record.id})
    missing = [name for name in (record.id, OFFER, *_NUMBERS) if name not in frame.columns]
    if missing:
        raise InputError(
            KEY, expected=f"the column {missing[0]!r} in {path.name}", got="none of that name"
        )
    numbers = [*_NUMBERS, *([UPLIFT] if UPLIFT in frame.columns else [])]
    columns = {"id": frame[record.id], OFFER: canonical_text(frame[OFFER])}
    for name in numbers:
        text = canonical_text(frame[name])
        values, bad = read_numbers(text.mask(text == ""))
        if bad.any() or values.isna().any():
            raise InputError(KEY, expected=f"numbers in {name!r} of {path.name}", got="other cells")
        columns[name] = values
    return pd.DataFrame(columns)
