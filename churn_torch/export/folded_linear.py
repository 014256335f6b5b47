"""A scorer with a linear net as it is exported: constants are computed before the export."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from churn_torch.models.nets.linear import Linear
from churn_torch.models.preprocessing.calendar import (
    CALENDAR_PARTS,
    CYCLE_TABLE,
    OF_CYCLE,
    OF_TIME,
    OF_WEEK,
    WEEK_TABLE,
    calendar_places,
)
from churn_torch.models.preprocessing.expansion import Expansion
from churn_torch.models.preprocessing.preprocess import Columns, Preprocess
from churn_torch.models.preprocessing.scaling import clip, scale_numbers, smooth_clip
from churn_torch.models.scorer import Scorer


class FoldedLinear(nn.Module):
    """The probability and the reasons of a scorer with a `Linear` net, in a fraction of the work.

    The logit of a linear net is a sum over columns, so each column is turned directly into what it
    adds to the logit, measured from the mean training row. These summands are the reasons. A text
    column is one lookup: the hundreds of one-hot features of a row are never made. For a number,
    what a missing cell adds (its fill and its flag) is one constant. A date is one lookup by its
    day within four years, one by its weekday, and a wave over the time of day.

    For one row the cost of an operation hardly depends on its size, so all numbers share the same
    operations.

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
        flagged, dates = preprocess.get_buffer("flagged_"), preprocess.get_buffer("dates_")
        n_numbers = preprocess.n_float32 + preprocess.n_float64
        n_parts = len(dates) * len(CALENDAR_PARTS)
        weights = scorer.net.linear.weight.detach()[0].double()
        baseline = weights * scorer.baseline.double()
        sizes = [n_numbers, len(flagged), n_parts, len(stored["frequencies"])]
        of_number, of_flag, of_part, of_text = torch.split(weights, sizes)
        base_number, base_flag, base_part, base_text = torch.split(baseline, sizes)
        base = scorer.net.linear.bias.detach().double()[0] - scorer.prior_shift + baseline.sum()
        self.register_buffer("base", base.float())

        # What a number column always adds: the centres of its features, and the baseline.
        always, missing = -base_number, torch.zeros(n_numbers, dtype=torch.float64)
        always[flagged] -= of_flag * stored["missing_share"] + base_flag
        of_date = preprocess.n_float32 + dates
        parts = (of_part * stored["part_means"].flatten() + base_part).view(-1, len(CALENDAR_PARTS))
        always[of_date] -= parts.sum(1)
        missing[flagged] = of_flag
        fill, lower, upper, center, scale = (
            torch.cat([stored[f"{group}_{name}"] for group in ("float32", "float64")])
            for name in ("fill", "lower", "upper", "center", "scale")
        )
        z = scale_numbers(fill, lower, upper, center, scale, smooth=self.smooth_clip)
        numbers = {
            "lower": lower,
            "upper": upper,
            "center": center,
            # Without a smooth clip in between, scale and weight are one factor.
            "factor": 1 / scale if self.smooth_clip else of_number / scale,
            "always": always,
            "missing": of_number * z + missing + always,
        }
        numbers |= {"weight": of_number} if self.smooth_clip else {}
        dtype = torch.float64 if preprocess.n_float64 else torch.float32
        for name, values in numbers.items():
            self.register_buffer(name, values.to(dtype))
        self._fold_dates(fill, of_date, of_part.view(-1, len(CALENDAR_PARTS)))
        self._fold_text(preprocess, of_text, base_text)
        n_columns = len(preprocess.columns)
        of_column = torch.eye(n_columns)
        self.register_buffer(
            "of_column",
            torch.cat([of_column[:n_numbers], of_column[of_date], of_column[n_numbers:]]),
        )

    def _fold_dates(self, fill: Tensor, of_date: Tensor, of_part: Tensor) -> None:
        """Store what each part of each date adds."""
        self.n_dates = len(of_date)
        self.register_buffer("fill", fill)
        self.register_buffer("dates", of_date)
        of_cycle = CYCLE_TABLE.double() @ of_part[:, OF_CYCLE].T
        of_week = WEEK_TABLE.double() @ of_part[:, OF_WEEK].T
        self.register_buffer("of_cycle", of_cycle.T.flatten().float())
        self.register_buffer("of_week", of_week.T.flatten().float())
        # a sin(t) + b cos(t) = amplitude * sin(t + phase)
        sine, cosine = of_part[:, OF_TIME].T
        self.register_buffer("amplitude", torch.hypot(sine, cosine).float())
        self.register_buffer("phase", torch.atan2(cosine, sine).float())
        # Dates without a time of day have no weights for it.
        self.has_time = bool(self.get_buffer("amplitude").any())

    def _fold_text(self, preprocess: Preprocess, of_text: Tensor, base_text: Tensor) -> None:
        """Store what each code of each text column adds."""
        expansion = Expansion(preprocess)
        of_code = [
            table.double() @ weight - base.sum()
            for table, weight, base in zip(
                expansion.tables,
                torch.split(of_text, expansion.widths),
                torch.split(base_text, expansion.widths),
                strict=True,
            )
        ]
        self.register_buffer("of_code", torch.cat([torch.zeros(0), *of_code]).float())
        self.register_buffer("text_start", preprocess.get_buffer("text_start_").long())

    @staticmethod
    def fits(scorer: Scorer) -> bool:
        """Tell whether the scorer can be folded."""
        return isinstance(scorer.net, Linear) and not scorer.preprocess.piecewise.n_pieces

    def forward(
        self, float32: Tensor, float64: Tensor, codes: Tensor, sequences: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return calibrated probabilities and reasons; a group without columns is ignored.

        Shape:
            Columns of N rows to ``[N]`` and ``[N, F]`` float32.
        """
        added = []
        if len(self.get_buffer("center")):
            added = self._of_numbers(Columns(float32, float64, codes).numbers())
        if len(self.get_buffer("text_start")):
            at = codes + self.get_buffer("text_start")
            added.append(torch.take(self.get_buffer("of_code"), at))
        reasons = torch.cat(added, dim=1) if len(added) > 1 else added[0]
        logit = reasons.sum(1) + self.get_buffer("base")
        if self.n_dates:
            reasons = reasons @ self.get_buffer("of_column")
        return torch.sigmoid(self.calibrator(logit)), reasons

    def _of_numbers(self, x: Tensor) -> list[Tensor]:
        """Return what each number adds to the logit, then what the calendar adds to dates."""
        lower, upper, center, factor, always, missing = (
            self.get_buffer(name)
            for name in ("lower", "upper", "center", "factor", "always", "missing")
        )
        z = (clip(x, lower, upper) - center) * factor
        if self.smooth_clip:
            z = smooth_clip(z) * self.get_buffer("weight")
        finite = (x - x) == 0  # false for NaN and infinities
        added = [torch.where(finite, z + always, missing).to(torch.float32)]
        if self.n_dates:
            days = torch.where(finite, x, self.get_buffer("fill"))
            added.append(self._of_dates(days.index_select(1, self.get_buffer("dates"))))
        return added

    def _of_dates(self, days: Tensor) -> Tensor:
        cycle, week, time = calendar_places(days)
        if self.n_dates > 1:  # a table each
            date = torch.arange(self.n_dates)
            cycle, week = cycle + date * len(CYCLE_TABLE), week + date * len(WEEK_TABLE)
        of_cycle, of_week = self.get_buffer("of_cycle"), self.get_buffer("of_week")
        added = torch.take(of_cycle, cycle) + torch.take(of_week, week)
        if self.has_time:
            angle = time * (2 * math.pi) + self.get_buffer("phase")
            added = added + torch.sin(angle) * self.get_buffer("amplitude")
        return added
