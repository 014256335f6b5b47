"""What each event of a customer changed in the log-odds of churn, of models that read events."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from churn_torch.errors import InputError
from churn_torch.models.nets.event_net import EventNet, EventReader
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorer import Scorer
from churn_torch.tables.encode import encode, parse
from churn_torch.tables.schema import Schema
from churn_torch.tables.sequences import events_of, lengths_of


@torch.no_grad()
def event_reasons(scorer: Scorer, schema: Schema, frame: pd.DataFrame) -> pd.DataFrame:
    """Return what each event that is read changes in the log-odds of churn, when it comes.

    It is what the log-odds of the events up to this one are above those of the events before it
    (`EventReader.steps`), before calibration. So the events of a customer add up to the difference
    to a customer without events.

    Args:
        scorer: Trained, in evaluation mode.
        schema: Its completed schema.
        frame: Raw rows.

    Returns:
        A row for each event: its cells by column, ``row`` (the index of the customer in
        ``frame``), ``group``, ``event`` (its place in the list, -1 for the last one) and
        ``log_odds``.

    Raises:
        InputError: The model reads no events, or a cell cannot be read.
    """
    net = scorer.net
    if not isinstance(net, EventNet):
        raise InputError("run", expected="a model that reads events", got="another model")
    parsed = parse(frame, schema)
    columns = Columns.from_arrays(encode(parsed, schema))
    readers = [reader for reader in net.readers if isinstance(reader, EventReader)]
    tables = []
    for group, reader in zip(schema.sequences, readers, strict=True):
        chunks = columns.in_chunks(scorer.chunk_rows)
        steps = torch.cat([reader.steps(scorer.preprocess(*rows)) for rows in chunks]).numpy()
        lengths = lengths_of(list(parsed[group.columns[0].name]))
        row = np.repeat(np.arange(len(parsed)), lengths)
        place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        told: dict[str, Any] = {
            "row": frame.index.to_numpy()[row],
            "group": group.name,
            "event": place - lengths[row],
            "log_odds": steps[row, place],
        }
        tables.append(events_of(parsed, group).assign(**told))
    return pd.concat(tables, ignore_index=True)
