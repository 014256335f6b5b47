"""The shared formula of scaling."""

from __future__ import annotations

import pytest
import torch

from churn_torch.models.preprocessing.scaling import scale_numbers, smooth_clip


def test_numbers_are_clipped_then_scaled() -> None:
    x = torch.tensor([-10.0, 0.0, 3.0, 100.0])
    z = scale_numbers(x, *torch.tensor([-1.0, 9.0, 1.0, 2.0]), smooth=False)
    assert z.tolist() == [-1.0, -0.5, 1.0, 4.0]
    smooth = scale_numbers(x, *torch.tensor([-1.0, 9.0, 1.0, 2.0]), smooth=True)
    torch.testing.assert_close(smooth, smooth_clip(z))


def test_the_smooth_clip_is_the_identity_near_0_and_stays_within_3() -> None:
    z = torch.tensor([-1e4, 0.0, 1e-3, 3.0, 1e4], dtype=torch.float64)
    assert smooth_clip(z).tolist() == pytest.approx([-3, 0, 1e-3, 3 / 2**0.5, 3], abs=1e-6)
