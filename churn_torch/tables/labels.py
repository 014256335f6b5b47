"""The classes of the target: which of its values mean churn, and which do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from churn_torch.errors import InputError, override, suggest
from churn_torch.tables.cells import canonical_text, number_as_text
from churn_torch.tables.churn_words import sense_of
from churn_torch.tables.missing_words import is_placeholder
from churn_torch.tables.options import REST, Label
from churn_torch.tables.target_cells import (
    Counts,
    is_formula,
    match_label,
    parse_target,
    read_target,
    shown,
    without_words,
)
from churn_torch.tables.truth_words import truth_of, truths_of

__all__ = [
    "Classes",
    "find_classes",
    "find_labels",
    "match_label",
    "parse_target",
    "read_target",
    "without_words",
]

_MANY = 20  # more different values are no classes
# Two classes are sometimes written -1 and 1.
_MINUS_ONE = "-1"


@dataclass(frozen=True)
class Classes:
    """The values of a target, as canonical text, and what each means.

    Attributes:
        positive: The label that means churn.
        negative: The label that means no churn; the most frequent of them.
        negatives: All labels of ``data.negative``, where it lists them.
        other_labels: What any other label is (`churn_torch.tables.schema.Schema`).
        counts: Rows of each value, the most frequent first.
    """

    positive: str
    negative: str
    negatives: tuple[str, ...] = ()
    other_labels: str = "refused"
    counts: Counts | None = None

    @property
    def note(self) -> str:
        """What is said of the target, for the user to read."""
        counts = {} if self.counts is None else self.counts
        rest = {label: n for label, n in counts.items() if label != self.positive}
        if self.other_labels == "negative":
            return f"target: {self.positive!r} is churn, every other value is not ({shown(rest)})"
        if self.other_labels == "left out":
            kept = {label: n for label, n in rest.items() if label in self.negatives}
            note = f"target: {self.positive!r} is churn, not so {shown(kept)}"
            out = {label: n for label, n in rest.items() if label not in kept}
            return f"{note}; rows with other values ({shown(out)}) are left out" if out else note
        return f"target: {self.positive!r} is churn"


def find_labels(series: pd.Series, positive: Label | None) -> tuple[str, str]:
    """Return the positive and the negative label of a target with two values.

    Raises:
        InputError: As for `find_classes`.
    """
    classes = find_classes(series, positive)
    return classes.positive, classes.negative


def find_classes(
    series: pd.Series,
    positive: Label | None,
    negative: Label | Sequence[Label] | None = None,
) -> Classes:
    """Find out which value of a target column means churn, and which do not.

    Args:
        series: The target column; missing cells do not count.
        positive: The label that means churn; guessed where the labels say it.
        negative: ``rest`` for all other labels; or those that mean no churn, and rows of others are
            left out. With neither there must be two labels.

    Raises:
        InputError: There are not two labels, a named one is not there, or it is not said and cannot
            be guessed which one means churn.
    """
    target = str(series.name)
    counts = _counts(series)
    labels = list(counts)
    if len(labels) < 2 or len(labels) > _MANY:
        fix = "name another column, or compute one of two values (SELECT ... CASE WHEN ... END)"
        if len(labels) < 2:
            fix = "check the column and the rows of the source"
        if labels and sum(counts.values()) < len(series):
            fix += f"; {_if_empty_means_staying(target)}"
        if len(labels) < 2 or negative is None:
            raise _not_two(target, counts, fix)
    named = None
    if positive is not None and (named := match_label(labels, positive)) is None:
        what = "two values" if len(labels) == 2 else "values"
        raise InputError(
            "data.positive",
            expected=f"one of the {what} of the target column {target!r} ({shown(counts)})",
            got=repr(positive),
            fix="set it to the one that means churn",
        )
    if negative is None:
        if len(labels) > 2:
            raise _not_two(target, counts, _how_to_make_two(counts, named, target))
        chosen = _guess(counts, target) if named is None else named
        return Classes(chosen, labels[1 - labels.index(chosen)], counts=counts)
    if isinstance(negative, str) and negative == REST:
        chosen = _guess(counts, target) if named is None else named
        other = next(label for label in labels if label != chosen)
        return Classes(chosen, other, other_labels="negative", counts=counts)
    listed = _listed(negative, counts, target)
    chosen = _guess(counts, target, listed) if named is None else named
    if chosen in listed:
        raise InputError(
            "data.negative",
            expected=f"other values than data.positive, {chosen!r}",
            got=f"{chosen!r} among them",
            fix="list those that mean no churn",
        )
    return Classes(chosen, listed[0], listed, other_labels="left out", counts=counts)


def _listed(negative: Label | Sequence[Label], counts: Counts, target: str) -> tuple[str, ...]:
    """Return the labels of the target that ``data.negative`` lists, the most frequent first."""
    given = (
        negative if isinstance(negative, Sequence) and not isinstance(negative, str) else [negative]
    )
    found = {match_label(list(counts), label): label for label in given}
    if None in found or not found:
        missing = "no value" if not found else repr(found[None])
        raise InputError(
            "data.negative",
            expected=f"rest, or values of the target column {target!r} ({shown(counts)})",
            got=f"{missing}{suggest(str(found.get(None, '')), counts)}",
            fix="list those that mean no churn; rows with other values are left out",
        )
    return tuple(label for label in counts if label in found)


def _counts(series: pd.Series) -> dict[str, int]:
    """Count the labels of a column; those that are spelled in several ways are one.

    Blanks around a label do not count, nor does the case of words for yes, no, leaving and staying;
    nor that of any label, where there are more than two. Of more than two words for yes and no
    those of the same truth are one.
    """
    cells = canonical_text(series).value_counts()
    spelled: dict[str, int] = {}
    for cell, n in cells.items():
        label = number_as_text(str(cell)).strip()
        if label:
            spelled[label] = spelled.get(label, 0) + int(n)
    several = len(spelled) > 2
    labels = _merged(spelled, {label: _key(label, several=several) for label in spelled})
    if len(labels) > 2:
        truths = {label: truth_of(label) for label in labels}
        if set(truths.values()) == {0.0, 1.0}:
            labels = _merged(labels, truths)
    return dict(sorted(labels.items(), key=lambda label: (-label[1], label[0])))


def _key(label: str, *, several: bool) -> str:
    """Return what a label has in common with its other spellings."""
    if several or truth_of(label) is not None or sense_of(label) is not None:
        return label.casefold()
    return label


def _merged(counts: Counts, keys: Mapping[str, object]) -> dict[str, int]:
    """Add up labels of the same key, under the most frequent of them."""
    groups: dict[object, list[str]] = {}
    for label in counts:
        groups.setdefault(keys[label], []).append(label)
    return {
        max(group, key=lambda label: counts[label]): sum(counts[label] for label in group)
        for group in groups.values()
    }


def _guess(counts: Counts, target: str, negatives: Sequence[str] = ()) -> str:
    """Guess the label that means churn.

    Raises:
        InputError: The labels do not say it, or yes and no are given to a name for staying.
    """
    candidates = [label for label in counts if label not in negatives]
    others = list(negatives) or [*counts]
    sure = [label for label in candidates if sense_of(label) == "leaving"]
    if len(sure) == 1 and (len(counts) > 2 or _means_no(others, sure[0])):
        return sure[0]
    by_truth = [
        label
        for label in candidates
        if any(_is_yes(label, other) for other in others if other != label)
    ]
    if len(by_truth) == 1 and not sure:
        by_name = sense_of(target) == "staying"
        if not by_name or any(sense_of(label) for label in (*by_truth, *others)):
            return by_truth[0]
        raise InputError(
            "data.positive",
            expected=f"the value of the target column {target!r} that means churn",
            got=f"no value, and {by_truth[0]!r} of {target!r} sounds like staying "
            f"({shown(counts)})",
            fix=f"set {_choices(counts)}: the one of the customers who left",
        )
    two = " and ".join(map(repr, sorted(counts))) if len(counts) == 2 else "its values"
    raise InputError(
        "data.positive",
        expected=f"the value of the target column {target!r} that means churn",
        got=f"no value, and we cannot guess it from {two} ({shown(counts)})",
        fix="set it to one of the two" if len(counts) == 2 else "set it to one of them",
    )


def _choices(counts: Counts) -> str:
    return " or ".join(override("data.positive", label) for label in list(counts)[:2])


def _means_no(labels: Iterable[str], positive: str) -> bool:
    """Tell whether the other label says no or stay, beside one that says leave."""
    others = [label for label in labels if label != positive]
    return all(
        sense_of(label) == "staying" or truth_of(label) == 0.0 or label == _MINUS_ONE
        for label in others
    )


def _is_yes(label: str, other: str) -> bool:
    """Tell whether one label says yes (or 1), the other no (or 0, -1, stay)."""
    truth, of_other = truths_of([label, other])
    no = of_other == 0.0 or other == _MINUS_ONE or sense_of(other) == "staying"
    return truth == 1.0 and no


def _not_two(target: str, counts: Counts, fix: str) -> InputError:
    count = {0: "no value", 1: "one value"}.get(len(counts), f"{len(counts):,} values")
    values = f" ({shown(counts)})" if counts else ""
    return InputError(
        f"target column {target!r}", expected="two different values", got=count + values, fix=fix
    )


def _if_empty_means_staying(target: str) -> str:
    """Say what to type for a column that is filled once a customer has left, such as a date."""
    # As SQL quotes a name, within the quotes of a shell.
    name = target if target.isidentifier() else f'"{target}"'.replace('"', '\\"')
    return (
        "if an empty cell means that a customer stayed, set "
        f"data.source=\"SELECT *, {name} IS NOT NULL AS has_left FROM 'FILE'\" "
        f"data.target=has_left {override('data.ignore', [target])}"
    )


def _how_to_make_two(counts: Counts, positive: str | None, target: str) -> str:
    """Say what to type for a target with more than two values."""
    formulas = [label for label in counts if is_formula(label)]
    labels = [label for label in counts if label not in formulas]
    # Of several numbers 1 and 0 need not mean yes and no.
    truths = {label: None if label.isdecimal() else truth_of(label) for label in labels}
    leaving = [label for label in labels if sense_of(label) == "leaving" or truths[label] == 1.0]
    staying = [label for label in labels if sense_of(label) == "staying" or truths[label] == 0.0]
    words = [label for label in labels if is_placeholder(label)]
    if words and len(labels) - len(words) == 2:
        missing = override(f"data.missing.{target}", words)
        return f"set {missing} if {'that is' if len(words) == 1 else 'these are'} no answer"
    example = positive or next(iter(leaving), None)
    others = [label for label in staying or labels if label != example][:1]
    left_out = override("data.negative", others)
    if formulas:
        save = f"{formulas[0]!r} is a spreadsheet's formula without its result: save the file with"
        if not others:
            return f"{save} values"
        return f"{save} values, or set {left_out} to leave out rows of other values"
    churn = f"{override('data.positive', example)} and " if example and positive is None else ""
    if example is None:
        churn = "data.positive to the value that means churn, and "
    return (
        f"set {churn}data.negative=rest if all other values mean no churn, or {left_out} to leave "
        "out the rows of the others"
    )
