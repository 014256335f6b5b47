"""The choices of a training on sequences, checked before the work begins."""

from __future__ import annotations

from churn_torch.errors import InputError
from churn_torch.tables.customer_value import PREDICTED_VALUE
from churn_torch.training.build import check_reads_sequences
from churn_torch.workflows.configuration.options import TrainOptions


def check_sequences(options: TrainOptions) -> None:
    """Refuse what a model of sequences cannot do.

    Raises:
        InputError: Naming the key.
    """
    lists = [name for group in options.data.sequences.values() for name in group.columns]
    check_reads_sequences(options, lists)
    if not lists:
        return
    for unfit, key, expected, got in (
        (options.learns_uplift, "model", "survival, gru or event_transformer", "uplift"),
        (options.ensemble > 1, "ensemble", "1", str(options.ensemble)),
        (options.cv.average, "cv.average", "false", "true"),
        (options.loss != "cross_entropy", "loss", "cross_entropy", options.loss),
        (options.features.select != "none", "features.select", "none", options.features.select),
        (options.data.spend is not None, "data.spend", "nothing", repr(options.data.spend)),
        (options.data.value == PREDICTED_VALUE, "data.value", "a number, a column or an expression",
         "predicted, which these nets do not learn"),
    ):  # fmt: skip
        if unfit:
            raise InputError(
                key,
                expected=f"{expected} with data.sequences",
                got=got,
                fix="leave one of them out",
            )
