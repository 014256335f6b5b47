"""A scorer whose net is linear, with all that is known before a row comes worked out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from churn_torch.models.calendar import CALENDAR_PARTS, calendar_parts
from churn_torch.models.expansion import Expansion
from churn_torch.models.nets.linear import Linear
from churn_torch.models.scorer import Scorer


class FoldedScorer(nn.Module):
    """The same probability as a `Scorer` with a `Linear` net, in a fraction of the work.

    The logit of a linear net is a sum over columns, so each column is turned at once into what it
    adds to it. For text that is one looked-up number: the hundreds of one-hot features of a row
    are never made, and the exported file's encoders return that number instead of a code. For a
    number, what a missing cell adds (its fill and its flag) is one constant.

    Args:
        scorer: Its net is a `Linear`, and it has a text column, which takes the constants.

    Attributes:
        text_values: For each text column what its codes add to the logit.
    """

    def __init__(self, scorer: Scorer) -> None:
        super().__init__()
        assert isinstance(scorer.net, Linear)
        preprocess = scorer.preprocess
        self.calibrator = scorer.calibrator
        self.smooth_clip = preprocess.smooth_clip
        stored = {name.removesuffix("_"): b.double() for name, b in preprocess.named_buffers()}
        self.n_numbers = {"numeric": preprocess.n_numeric, "wide": preprocess.n_wide}
        flagged, dates = preprocess.get_buffer("flagged_"), preprocess.get_buffer("dates_")
        n_numbers, n_parts = sum(self.n_numbers.values()), len(dates) * len(CALENDAR_PARTS)
        weights = scorer.net.linear.weight.detach()[0].double()
        of_number, of_flag, of_part, of_text = torch.split(
            weights, [n_numbers, len(flagged), n_parts, len(stored["frequencies"])]
        )
        constant = scorer.net.linear.bias.detach().double() - scorer.prior_shift
        constant = constant - of_flag @ stored["missing_share"]
        constant = constant - of_part @ stored["part_means"].flatten()

        missing = torch.zeros(n_numbers, dtype=torch.float64)
        missing[flagged] = of_flag
        start = 0
        for group, size in self.n_numbers.items():
            weight, flags = of_number[start : start + size], missing[start : start + size]
            start += size
            fill, lower, upper, center, scale = (
                stored[f"{group}_{name}"] for name in ("fill", "lower", "upper", "center", "scale")
            )
            z = self._smooth((torch.minimum(torch.maximum(fill, lower), upper) - center) / scale)
            numbers = {
                "lower": lower,
                "upper": upper,
                "center": center,
                # Without a smooth clip between them, scale and weight are one factor.
                "factor": 1 / scale if self.smooth_clip else weight / scale,
                "missing": weight * z + flags,
            }
            numbers |= {"weight": weight} if self.smooth_clip else {}
            dtype = torch.float64 if group == "wide" else torch.float32
            for name, values in numbers.items():
                self.register_buffer(f"{group}_{name}", values.to(dtype))
        self.register_buffer("wide_fill", stored["wide_fill"])
        self.register_buffer("dates", dates)
        self.register_buffer("part_weights", of_part.reshape(-1, len(CALENDAR_PARTS)).float())

        expansion = Expansion(preprocess)
        text_values = [
            table.double() @ weight
            for table, weight in zip(
                expansion.tables, torch.split(of_text, expansion.widths), strict=True
            )
        ]
        text_values[0] = text_values[0] + constant
        self.text_values: list[list[float]] = [values.tolist() for values in text_values]

    @staticmethod
    def fits(scorer: Scorer) -> bool:
        """Tell whether there is something to fold."""
        return isinstance(scorer.net, Linear) and scorer.preprocess.n_text > 0

    def forward(self, numeric: Tensor, wide: Tensor, values: Tensor) -> Tensor:
        """Return calibrated probabilities.

        Shape:
            ``numeric``, ``wide``: as in `Columns`. ``values``: [N, n_text] float32, an entry of
            `text_values` for each text column. The result: [N] float32.
        """
        added = [values]
        if self.n_numbers["numeric"]:
            added.append(self._values_of("numeric", numeric))
        if self.n_numbers["wide"]:
            added.append(self._values_of("wide", wide).to(torch.float32))
            if len(self.get_buffer("part_weights")):
                days = torch.where((wide - wide) == 0, wide, self.get_buffer("wide_fill"))
                parts = calendar_parts(days.index_select(1, self.get_buffer("dates")))
                added.append((parts * self.get_buffer("part_weights")).flatten(1))
        logit = torch.cat(added, dim=1).sum(1) if len(added) > 1 else values.sum(1)
        probability: Tensor = torch.sigmoid(self.calibrator(logit))
        return probability

    def _values_of(self, group: str, x: Tensor) -> Tensor:
        """Return what each number adds to the logit."""
        lower, upper, center, factor, missing = (
            self.get_buffer(f"{group}_{name}")
            for name in ("lower", "upper", "center", "factor", "missing")
        )
        z = (torch.minimum(torch.maximum(x, lower), upper) - center) * factor
        if self.smooth_clip:
            z = self._smooth(z) * self.get_buffer(f"{group}_weight")
        finite = (x - x) == 0  # false for NaN and infinities
        return torch.where(finite, z, missing)

    def _smooth(self, z: Tensor) -> Tensor:
        return z / torch.sqrt(1 + (z / 3) ** 2) if self.smooth_clip else z
