"""A scorer whose net is linear, with all that is known before a row comes worked out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from churn_torch.models.calendar import CALENDAR_PARTS, calendar_parts
from churn_torch.models.expansion import Expansion
from churn_torch.models.nets.linear import Linear
from churn_torch.models.scorer import Scorer


class FoldedScorer(nn.Module):
    """The probability and the reasons of a scorer with a `Linear` net, in a fraction of the work.

    The logit of a linear net is a sum over columns, so each column is turned at once into what it
    adds to it, measured from the mean training row: the reasons come for nothing. For text that is
    one looked-up number: the hundreds of one-hot features of a row are never made. For a number,
    what a missing cell adds (its fill and its flag) is one constant.

    Args:
        scorer: Its net is a `Linear`.
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
        baseline = weights * scorer.baseline.double()
        sizes = [n_numbers, len(flagged), n_parts, len(stored["frequencies"])]
        of_number, of_flag, of_part, of_text = torch.split(weights, sizes)
        base_number, base_flag, base_part, base_text = torch.split(baseline, sizes)
        base = scorer.net.linear.bias.detach().double()[0] - scorer.prior_shift + baseline.sum()
        self.register_buffer("base", base.float())

        # What a number column adds at all times: the centres of its features, and the baseline.
        always, missing = -base_number, torch.zeros(n_numbers, dtype=torch.float64)
        always[flagged] -= of_flag * stored["missing_share"] + base_flag
        of_date = n_numbers - preprocess.n_wide + dates
        parts = (of_part * stored["part_means"].flatten() + base_part).view(-1, len(CALENDAR_PARTS))
        always[of_date] -= parts.sum(1)
        missing[flagged] = of_flag
        start = 0
        for group, size in self.n_numbers.items():
            here = slice(start, start + size)
            start += size
            weight = of_number[here]
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
                "always": always[here],
                "missing": weight * z + missing[here] + always[here],
            }
            numbers |= {"weight": weight} if self.smooth_clip else {}
            dtype = torch.float64 if group == "wide" else torch.float32
            for name, values in numbers.items():
                self.register_buffer(f"{group}_{name}", values.to(dtype))
        self.register_buffer("wide_fill", stored["wide_fill"])
        self.register_buffer("dates", dates)
        self.register_buffer("of_part", of_part.reshape(-1, len(CALENDAR_PARTS)).float())
        of_wide = torch.zeros(len(dates), preprocess.n_wide)
        of_wide[torch.arange(len(dates)), dates] = 1
        self.register_buffer("of_wide", of_wide)

        expansion = Expansion(preprocess)
        of_text_base = [part.sum() for part in torch.split(base_text, expansion.widths)]
        of_code = [
            table.double() @ weight - base
            for table, weight, base in zip(
                expansion.tables,
                torch.split(of_text, expansion.widths),
                of_text_base,
                strict=True,
            )
        ]
        self.register_buffer("of_code", torch.cat([torch.zeros(0), *of_code]).float())
        self.register_buffer("text_start", preprocess.get_buffer("text_start_").long())

    @staticmethod
    def fits(scorer: Scorer) -> bool:
        """Tell whether there is something to fold."""
        return isinstance(scorer.net, Linear) and not scorer.preprocess.ramps.n_ramps

    def forward(self, numeric: Tensor, wide: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Return calibrated probabilities and reasons; a group without columns is not looked at.

        Shape:
            Columns of N rows to ``[N]`` and ``[N, F]`` float32.
        """
        added = []
        if self.n_numbers["numeric"]:
            added.append(self._values_of("numeric", numeric))
        if self.n_numbers["wide"]:
            values = self._values_of("wide", wide).to(torch.float32)
            if len(self.get_buffer("of_part")):
                days = torch.where((wide - wide) == 0, wide, self.get_buffer("wide_fill"))
                parts = calendar_parts(days.index_select(1, self.get_buffer("dates")))
                of_date = (parts * self.get_buffer("of_part")).sum(2)
                values = values + of_date @ self.get_buffer("of_wide")
            added.append(values)
        if len(self.get_buffer("text_start")):
            of_code = self.get_buffer("of_code").unsqueeze(1)
            added.append(embedding(codes + self.get_buffer("text_start"), of_code).squeeze(2))
        reasons = torch.cat(added, dim=1) if len(added) > 1 else added[0]
        logit = reasons.sum(1) + self.get_buffer("base")
        return torch.sigmoid(self.calibrator(logit)), reasons

    def _values_of(self, group: str, x: Tensor) -> Tensor:
        """Return what each number adds to the logit."""
        lower, upper, center, factor, always, missing = (
            self.get_buffer(f"{group}_{name}")
            for name in ("lower", "upper", "center", "factor", "always", "missing")
        )
        z = (torch.minimum(torch.maximum(x, lower), upper) - center) * factor
        if self.smooth_clip:
            z = self._smooth(z) * self.get_buffer(f"{group}_weight")
        finite = (x - x) == 0  # false for NaN and infinities
        return torch.where(finite, z + always, missing)

    def _smooth(self, z: Tensor) -> Tensor:
        return z / torch.sqrt(1 + (z / 3) ** 2) if self.smooth_clip else z
