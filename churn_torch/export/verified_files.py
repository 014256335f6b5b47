"""The ONNX files of a model: built, described by metadata and verified; not yet written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import pandas as pd
import torch
from onnx.utils import Extractor

from churn_torch.errors import InputError, suggest
from churn_torch.export.graph import MOST_OPSET, OPSET, build_onnx
from churn_torch.export.metadata import certificate, describe_reasons, file_metadata, today
from churn_torch.export.net_value import NetValue
from churn_torch.export.parity import Parity, check_parity
from churn_torch.export.weight_compression import (
    DTYPES,
    Stored,
    check_auroc,
    compress,
    store_compressed,
)
from churn_torch.models.attribution import Attribution
from churn_torch.models.preprocessing.preprocess import Columns
from churn_torch.models.scorer import Scorer
from churn_torch.serving.graph_facts import checksum
from churn_torch.serving.outputs import (
    ALL_OUTPUTS,
    NET_VALUE,
    REASONS,
    SPEND_OUTPUTS,
    SURVIVAL_OUTPUTS,
    UPLIFT_OUTPUTS,
)
from churn_torch.tables.encode import encode
from churn_torch.tables.labelled.rows import Labels
from churn_torch.tables.schema import Schema


@dataclass(frozen=True)
class ExportOptions:
    """What goes into the ONNX file of a model.

    Attributes:
        outputs: Words of `ALL_OUTPUTS`; the probability must be among them.
        opset: Version of the standard operators.
        dtype: How the net's large weight matrices are stored, one of `DTYPES`.
    """

    outputs: Sequence[str] = tuple(ALL_OUTPUTS)
    opset: int = OPSET
    dtype: str = "float32"

    def __post_init__(self) -> None:
        """Check the choices.

        Raises:
            InputError: An output is unknown, the probability is not among them, the opset is not
                supported, or the dtype is unknown.
        """
        if not isinstance(self.outputs, list | tuple):
            raise InputError(
                "export.outputs",
                expected=f"a list of some of {', '.join(ALL_OUTPUTS)}",
                got=repr(self.outputs),
                fix=f"write [{self.outputs}]",
            )
        for word in self.outputs:
            if word not in ALL_OUTPUTS:
                raise InputError(
                    "export.outputs",
                    expected=f"some of {', '.join(ALL_OUTPUTS)}",
                    got=f"{word!r}{suggest(str(word), ALL_OUTPUTS)}",
                )
        if "probability" not in self.outputs:
            raise InputError(
                "export.outputs",
                expected="the probability among them",
                got=f"[{','.join(self.outputs)}]",
                fix="add probability",
            )
        if type(self.opset) is not int or not OPSET <= self.opset <= MOST_OPSET:
            raise InputError(
                "export.opset",
                expected=f"a whole number from {OPSET} to {MOST_OPSET}",
                got=repr(self.opset),
            )
        if self.dtype not in DTYPES:
            raise InputError(
                "export.dtype",
                expected=f"one of {', '.join(DTYPES)}",
                got=f"{self.dtype!r}{suggest(str(self.dtype), DTYPES)}",
            )

    def names(self, scorer: Scorer, net_value: NetValue | None = None) -> list[str]:
        """Return the outputs of a scorer by name, in their order in the file."""
        left_out = {NET_VALUE} if net_value is None else set()
        left_out |= set(UPLIFT_OUTPUTS.values()) if scorer.effect is None else set()
        left_out |= set(SPEND_OUTPUTS.values()) if scorer.spend is None else set()
        left_out |= set(SURVIVAL_OUTPUTS.values()) if scorer.hazard is None else set()
        return [n for word, n in ALL_OUTPUTS.items() if word in self.outputs and n not in left_out]


@dataclass(frozen=True)
class VerifiedFile:
    """An ONNX file that gives the same numbers as its scorer, and the certificate of that.

    Attributes:
        content: The file.
        parity: The certificate.
        rounding: By how much, at most, the compression of the weights changes the probabilities of
            the real rows; None without compression.
    """

    content: bytes
    parity: Parity
    rounding: float | None = None


def verified_files(
    scorer: Scorer,
    schema: Schema,
    parsed: pd.DataFrame,
    label: Labels | None,
    *,
    metrics: Mapping[str, Any],
    threshold: float,
    attribution: Attribution,
    options: ExportOptions,
    net_value: NetValue | None = None,
) -> tuple[VerifiedFile, VerifiedFile | None]:
    """Return the file, and a second one without reasons where these take several passes of the net.

    onnxruntime always computes every output of a file, also those that nobody requested.

    Args:
        scorer: Trained.
        schema: Its completed schema.
        parsed: Parsed real rows to verify the file on.
        label: Their labels, NaN where unknown; only a compressed file needs them.
        metrics: Content of metrics.json.
        threshold: The decision threshold.
        attribution: The reasons.
        options: What goes into the file.
        net_value: How the file of a model of uplift computes the net value; None leaves it out.

    Raises:
        ParityError: onnxruntime and torch disagree.
        InputError: A compressed model ranks rows worse, or there are no labels to tell; or a column
            is named like an output or has no name.
    """
    matrices: list[Stored] = []
    outputs = options.names(scorer, net_value)
    rounding = None
    if options.dtype != "float32":
        full = scorer
        scorer, matrices = compress(full, options.dtype)
        attribution = Attribution(scorer, attribution.n_points)
        columns = Columns.from_arrays(encode(parsed, schema))
        rounding = _compression_loss(scorer, full, columns, label, options.dtype)
        metrics = {**metrics, "reasons": describe_reasons(attribution, columns)}
    metadata = file_metadata(
        schema=schema,
        scorer=scorer,
        metrics=metrics,
        threshold=threshold,
        outputs=outputs,
        opset=options.opset,
        dtype=options.dtype,
        net_value=net_value,
    )
    model = build_onnx(
        scorer,
        schema,
        threshold=threshold,
        metadata=metadata,
        outputs=outputs,
        n_points=attribution.n_points,
        opset=options.opset,
        net_value=net_value,
    )

    store_compressed(model, matrices)

    def verified(model: onnx.ModelProto) -> VerifiedFile:
        parity = check_parity(
            model.SerializeToString(),
            scorer,
            schema,
            parsed,
            threshold=threshold,
            attribution=attribution,
            net_value=net_value,
        )
        stored = {**_stored(model), "parity": certificate(parity, today())}
        onnx.helper.set_model_props(model, stored)
        model.graph.doc_string = checksum(stored)
        return VerifiedFile(model.SerializeToString(), parity, rounding)

    lean = None
    if REASONS in outputs and attribution.n_points > 1:
        lean = verified(_without_reasons(model))
    return verified(model), lean


def _compression_loss(
    scorer: Scorer, full: Scorer, columns: Columns, label: Labels | None, dtype: str
) -> float:
    """Return by how much compression moves a probability; refuse a scorer that ranks worse."""
    known = torch.zeros(0, dtype=torch.bool)
    if label is not None:
        known = torch.from_numpy(~np.isnan(label))
    if label is None or len(set(label[known])) < 2:
        raise InputError(
            f"export.dtype={dtype}",
            expected="labelled rows of both classes to compare the ranking on",
            got="none",
            fix="name a source with the target column, or keep float32",
        )
    expected, got = (model.score(columns.take(known)).numpy() for model in (full, scorer))
    check_auroc(label[known], expected, got, dtype)
    return float(np.abs(expected - got).max())


def _without_reasons(model: onnx.ModelProto) -> onnx.ModelProto:
    inputs = [value.name for value in model.graph.input]
    outputs = [value.name for value in model.graph.output if value.name != REASONS]
    lean = Extractor(model).extract_model(inputs, outputs)
    stored = _stored(model)
    del stored["reasons"]
    onnx.helper.set_model_props(lean, stored)
    lean.producer_name, lean.producer_version = model.producer_name, model.producer_version
    onnx.checker.check_model(lean, full_check=True)
    return lean


def _stored(model: onnx.ModelProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}
