"""Options of a table: where it is, what its columns are for, how its rows are split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from churn_torch.errors import InputError
from churn_torch.tables.sequence_options import SequenceOptions
from churn_torch.tables.split_options import SplitOptions
from churn_torch.tables.values.missing_words import MissingWords

Label = str | int | float | bool
Decimal = Literal[".", ","]
REST = "rest"  # data.negative=rest: every label but the positive one


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How a source is read, where the user knows better than the readers.

    Attributes:
        database: The database file that a query runs in.
        encoding: The encoding of text files; found by their letters where None.
        skip: Lines above the header of a CSV file, rows of a sheet; looked for where None.
        sheet: The sheet of a workbook by its name or its position from 0, or the table of a
            database file; the first with rows, or the only one, where None.
        prefix: What stands before these keys in the configuration, for messages.

    Raises:
        InputError: ``skip`` is negative.
    """

    database: str | None = None
    encoding: str | None = None
    skip: int | None = None
    sheet: str | int | None = None
    prefix: str = field(default="data.", compare=False)

    def __post_init__(self) -> None:
        """Refuse a negative number of lines."""
        if self.skip is not None and self.skip < 0:
            raise InputError(f"{self.prefix}skip", expected="0 or more lines", got=str(self.skip))


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """The keys of a command that reads one source: how it is read, as for `ReadOptions`.

    Attributes:
        database: As for `ReadOptions`.
        encoding: As for `ReadOptions`.
        skip: As for `ReadOptions`.
        sheet: As for `ReadOptions`.
    """

    database: str | None = None
    encoding: str | None = None
    skip: int | None = None
    sheet: str | int | None = None

    @property
    def reading(self) -> ReadOptions:
        """How the source is read."""
        return ReadOptions(
            database=self.database,
            encoding=self.encoding,
            skip=self.skip,
            sheet=self.sheet,
            prefix="",
        )


@dataclass(frozen=True, kw_only=True)
class ColumnRoles:
    """The columns that the user named, and what each is for.

    Attributes:
        target: The column to predict.
        positive: The label that means churn; inferred where the two labels are an obvious pair.
        negative: ``rest`` for all other labels, or the labels that mean no churn; rows of any other
            label are then left out. None where the target has two labels.
        id: The column that names a row in the predictions.
        time: The column that orders a split by time.
        group: The column whose rows stay together in a split.
        weight: The column that weights the rows in the training loss.
        treatment: The column that says who was contacted in an earlier campaign.
        treatment_probability: The column with each customer's chance of having been contacted.
        spend: The column with what a customer spent in the time that the target looks at.
        duration: The column with how long customers were observed, if the file has no such input.
        entry: The column with how long customers had stayed, of which the file has an input.
        ignore: Columns to leave out.
        kinds: Kinds by column name, where the user knows better than the inference.
        decimal: The sign of a decimal where numbers could be read two ways; guessed when None.
        missing: Words for no value besides the usual ones; in the target only those named for it.
        sequences: Columns of lists, by the name of their group.
    """

    target: str
    positive: Label | None = None
    negative: Label | Sequence[Label] | None = None
    id: str | None = None
    time: str | None = None
    group: str | None = None
    weight: str | None = None
    treatment: str | None = None
    treatment_probability: str | None = None
    spend: str | None = None
    duration: str | None = None
    entry: str | None = None
    ignore: Sequence[str] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    decimal: Decimal | None = None
    missing: MissingWords = field(default_factory=MissingWords)
    sequences: Mapping[str, SequenceOptions] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """A table and what the user said about it: the keys of conf/data/table.yaml.

    Attributes:
        source: A path, a glob, a folder, an address or a query (`readers.sources.read`); None where
            a DataFrame takes its place.
        database: As for `ReadOptions`.
        encoding: As for `ReadOptions`.
        skip: As for `ReadOptions`.
        sheet: As for `ReadOptions`.
        target: As for `ColumnRoles`.
        positive: As for `ColumnRoles`.
        negative: As for `ColumnRoles`.
        id: As for `ColumnRoles`.
        weight: As for `ColumnRoles`.
        treatment: As for `ColumnRoles`.
        treatment_probability: The chance of having been contacted: one number, or a column where
            it differs; None for a number that is not known.
        spend: As for `ColumnRoles`.
        duration: The column with how long customers were observed, for a model of time to churn.
        entry: The column with how long they had stayed when first observed; None for 0.
        period: Units of the duration in a period.
        value: What a customer is worth a period: a column, or an SQL expression over the columns of
            a row.
        horizon: Periods ahead that count, for the value and for a model of time to churn.
        discount_rate: Discount a period.
        carry: Columns that travel to the predictions; this alone takes none out of the features.
        ignore: As for `ColumnRoles`.
        kinds: As for `ColumnRoles`.
        decimal: As for `ColumnRoles`.
        missing: As for `ColumnRoles`.
        sequences: As for `ColumnRoles`.
        test_source: A table of its own for the test; the rest is then training and validation.
        streaming: Read the rows anew on every pass, so that they need not fit into memory.
        split: How rows are split.

    Raises:
        InputError: ``streaming`` or ``treatment_probability`` cannot be used.
    """

    target: str
    source: str | None = None
    database: str | None = None
    encoding: str | None = None
    skip: int | None = None
    sheet: str | int | None = None
    positive: Label | None = None
    negative: Label | Sequence[Label] | None = None
    id: str | None = None
    weight: str | None = None
    treatment: str | None = None
    treatment_probability: str | float | None = None
    spend: str | None = None
    duration: str | None = None
    entry: str | None = None
    period: float = 1.0
    value: str | float | None = None
    horizon: int = 1
    discount_rate: float = 0.0
    carry: Sequence[str] = ()
    ignore: Sequence[str] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    decimal: Decimal | None = None
    missing: MissingWords = field(default_factory=MissingWords)
    sequences: Mapping[str, SequenceOptions] = field(default_factory=dict)
    test_source: str | None = None
    streaming: bool | Literal["auto"] = "auto"
    split: SplitOptions = field(default_factory=SplitOptions)

    def __post_init__(self) -> None:
        """Refuse an unknown word for streaming, and a chance that is none."""
        if (given := self.streaming) not in (True, False, "auto"):
            raise InputError("data.streaming", expected="auto, true or false", got=repr(given))
        chance = self.treatment_probability
        if chance is not None and self.treatment is None:
            raise InputError(
                "data.treatment_probability",
                expected="data.treatment beside it",
                got=repr(chance),
                fix="name the column that says who was contacted",
            )
        if isinstance(chance, int | float) and not 0 < chance < 1:
            expected = "a chance between 0 and 1 (neither of them), or a column"
            raise InputError("data.treatment_probability", expected=expected, got=str(chance))

    def without_treatment(self) -> DataOptions:
        """Return the options with the treatment carried, and neither learned from nor used."""
        chance = self.roles.treatment_probability
        names = [name for name in (self.treatment, chance) if name is not None]
        return replace(
            self,
            treatment=None,
            treatment_probability=None,
            ignore=[*self.ignore, *(name for name in names if name not in self.ignore)],
            carry=[*self.carry, *(name for name in names if name not in self.carry)],
        )

    @property
    def carried_keys(self) -> dict[str, str]:
        """The columns that travel to the predictions, and the key that names each."""
        return dict.fromkeys(self.carry, "data.carry")

    @property
    def reading(self) -> ReadOptions:
        """How the sources are read."""
        return ReadOptions(
            database=self.database, encoding=self.encoding, skip=self.skip, sheet=self.sheet
        )

    @property
    def roles(self) -> ColumnRoles:
        """What each named column is for."""
        chance = self.treatment_probability
        return ColumnRoles(
            target=self.target,
            positive=self.positive,
            negative=self.negative,
            id=self.id,
            time=self.split.time_column,
            group=self.split.group_column,
            weight=self.weight,
            treatment=self.treatment,
            treatment_probability=chance if isinstance(chance, str) else None,
            spend=self.spend,
            duration=None if self.entry is None else self.duration,
            entry=self.duration if self.entry is None else self.entry,
            ignore=self.ignore,
            kinds=self.kinds,
            decimal=self.decimal,
            missing=self.missing,
            sequences=self.sequences,
        )
