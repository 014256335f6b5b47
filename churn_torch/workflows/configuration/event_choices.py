"""The choices of a training on events: what follows from the specification is filled in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from churn_torch.errors import InputError
from churn_torch.events.feature_sql import list_columns
from churn_torch.events.feature_tables import FeatureTables
from churn_torch.events.lifetime_sql import DAY, check_whole_days
from churn_torch.events.row_sql import horizon, id_name
from churn_torch.events.specification import DURATION, SPEND, TARGET, TIME, EventSpecification
from churn_torch.training.build import reads_sequences
from churn_torch.training.options import SURVIVAL
from churn_torch.workflows.configuration.features_options import events_of
from churn_torch.workflows.configuration.options import TrainOptions, train_options
from churn_torch.workflows.rows.event_scoring import date_text

# What conf/data/events.yaml has as its source: the rows are made when the training begins.
EVENTS_SOURCE = "events"


def with_event_columns(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the choices of a training on events with the columns that its rows will have.

    The id, the columns of the split and the horizon follow from the specification.

    Args:
        content: The plain content of a composed conf/train.yaml, with or without events.

    Raises:
        InputError: The specification cannot be used, or the data are not ``data=events``.
    """
    data, events = content["data"], events_of(content)
    if not events:
        # Also beside a source of one's own: only conf/data/events.yaml leaves the period open.
        if data.get("source") == EVENTS_SOURCE or data.get("period", 1) is None:
            raise InputError(
                "events",
                expected="a specification beside data=events (specification=FILE, events=cdnow)",
                got="none",
                fix="name one, or choose data=table",
            )
        return dict(content)
    if data.get("source") != EVENTS_SOURCE:
        raise InputError(
            "data",
            expected="data=events beside a specification of events, which chooses it by itself",
            got=f"the table {data.get('source')!r}",
            fix="leave data=... and data.source=... out",
        )
    specification = EventSpecification.from_mapping(events)
    _check_named(data, specification)
    split, id_column = dict(data["split"]), id_name(specification)
    by = [split["by"]] if isinstance(split["by"], str) else list(split["by"])
    own = {"time": TIME, "group": id_column}
    if split.get("column") is None or split["column"] == TIME:
        named = [own[each] for each in by if each in own]
        split["column"] = named[0] if len(named) == 1 else (named or None)
    if "time" in by and split.get("horizon") is None:
        split["horizon"] = f"{horizon(specification) / timedelta(days=1):g}d"
    known = {"id": data.get("id") or id_column, "target": TARGET, "split": split}
    known |= _lifetimes(content, specification)
    if split.get("censor") is None:
        split["censor"] = known.get("duration") is not None and "time" in by
    filled = {**content, "events": events, "specification": None, "data": {**data, **known}}
    return {**filled, "data": {**filled["data"], **_lists_and_spend(filled, specification)}}


def _check_named(data: Mapping[str, Any], specification: EventSpecification) -> None:
    """Refuse another target, spend or duration than the specification's: it would tell the future.

    Raises:
        InputError: Naming the key.
    """
    spend = SPEND if specification.label.spend else None
    for key, own, where in (
        ("target", TARGET, "label"),
        ("spend", spend, "label.spend"),
        ("duration", DURATION, "label"),
    ):
        named = data.get(key)
        if named is not None and own is not None and named != own:
            raise InputError(
                f"data.{key}",
                expected=f"{own}, which the specification makes ({where})",
                got=repr(named),
                fix="leave it out, or change the specification",
            )


def _lifetimes(content: Mapping[str, Any], specification: EventSpecification) -> dict[str, Any]:
    """Return the keys of a model of time to churn, whose horizon is the end of the label window.

    Raises:
        InputError: A key contradicts the specification.
    """
    data = content["data"]
    period, periods = data.get("period"), data.get("horizon")
    if content["model"].get("_target_") != SURVIVAL:
        return {"period": period or 1.0, "horizon": periods or 1}
    if data.get("entry") is not None:
        raise InputError(
            "data.entry",
            expected="nothing beside events, as everybody is observed from the cut-off on",
            got=repr(data["entry"]),
            fix="leave it out",
        )
    check_whole_days(specification)
    window = horizon(specification) // DAY
    if period is None:
        # Nobody can have been silent for label.within before its end.
        period = 1 if specification.label.event is not None else window
    if period < 1 or period % 1:
        raise InputError(
            "data.period",
            expected="1 or more whole days beside events",
            got=f"{period:g}",
            fix="name such a number, or leave it out",
        )
    if periods is None and window % period:
        raise InputError(
            "data.period",
            expected=f"days that divide the {window} from a cut-off to the end of its label window",
            got=f"{period:g}",
            fix="choose such a number, or name data.horizon, in periods, too",
        )
    periods = periods or int(window // period)
    return {"duration": DURATION, "period": float(period), "horizon": periods}


def _lists_and_spend(
    content: Mapping[str, Any], specification: EventSpecification
) -> dict[str, Any]:
    """Return the keys of the columns of lists and of the spend, which not every model takes."""
    data = content["data"]
    lists = {
        log: (list_columns(log, features.sequence), features.sequence.last)
        for log, features in specification.features.items()
        if features.sequence is not None
    }
    options = train_options(content)
    reads, ignore = reads_sequences(options), list(options.data.ignore)
    if options.data.split.time_column != TIME:
        ignore.append(TIME)  # a date of training says nothing of later ones
    found: dict[str, Any] = {}
    if reads and not data.get("sequences"):
        found["sequences"] = {
            log: {"columns": names, "days_before": days, "last": last}
            for log, ((names, days), last) in lists.items()
        }
    elif not reads:
        ignore += [name for (names, _), _ in lists.values() for name in names]
    if specification.label.spend and data.get("spend") is None and not options.learns_survival:
        if reads or content["cv"]["folds"]:
            ignore.append(SPEND)
        else:
            found["spend"] = SPEND
    return {**found, "ignore": list(dict.fromkeys(ignore))}


def check_events(options: TrainOptions, source: Any) -> None:
    """Refuse a table from Python beside events.

    Raises:
        InputError: Both are given.
    """
    if options.events and source is not None:
        raise InputError(
            "source",
            expected="nothing beside events, which the rows are made of",
            got="a table",
            fix="leave events=... or the table out",
        )


def check_test_cutoffs(specification: EventSpecification, tables: FeatureTables) -> None:
    """Refuse cut-offs for the test that are not the last ones.

    Raises:
        InputError: They are not, or there are no such cut-offs.
    """
    named, n_test = specification.cutoffs.test, len(tables.test_cutoffs)
    if n_test > len(tables.cutoffs) - 2 > 0:
        raise InputError(
            "events.cutoffs.test",
            expected=f"at least two of the {len(tables.cutoffs)} cut-offs before those of the test",
            got=f"{n_test} for the test",
            fix="name fewer, or take more cut-offs",
        )
    all_there = isinstance(named, int) or n_test == len(named)
    if all_there and (not n_test or tables.test_cutoffs == tables.cutoffs[-n_test:]):
        return
    raise InputError(
        "events.cutoffs.test",
        expected="the last cut-offs, as a training is tested on later rows than it knows "
        f"({', '.join(map(date_text, tables.cutoffs[-3:]))} are the last three)",
        got=str(named) if isinstance(named, int) else ", ".join(named),
        fix="name these from one on, or a number of them",
    )
