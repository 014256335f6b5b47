from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits

from churn_torch.evaluation.log_loss import LogLoss
from churn_torch.evaluation.split_metrics import SplitMetrics


@given(
    rows=st.lists(
        st.tuples(st.floats(-1000, 1000, width=32), st.integers(0, 1)), min_size=1, max_size=30
    ),
    cuts=st.lists(st.integers(0, 30), max_size=4),
)
def test_log_loss_of_uneven_batches_is_that_of_the_whole(
    rows: list[tuple[float, int]], cuts: list[int]
) -> None:
    logit = torch.tensor([x for x, _ in rows], dtype=torch.float32)
    label = torch.tensor([float(y) for _, y in rows])
    metric = LogLoss()
    for batch in np.split(np.arange(len(rows)), sorted(min(cut, len(rows)) for cut in cuts)):
        metric.update(logit[batch], label[batch])
    whole = binary_cross_entropy_with_logits(logit.double(), label.double())
    assert metric.compute().dtype == torch.float64
    assert metric.compute().item() == pytest.approx(whole.item(), rel=1e-6)  # of one row's float32


def test_weighted_log_loss_is_that_of_repeated_rows() -> None:
    generator = torch.Generator().manual_seed(0)
    logit, label = torch.randn(200, generator=generator), torch.arange(200) % 2
    times = torch.randint(0, 4, (200,), generator=generator)
    weighted, repeated = LogLoss(), LogLoss()
    for rows in (slice(0, 30), slice(30, 200)):
        weighted.update(logit[rows], label[rows], times[rows] / 3)
    repeated.update(logit.repeat_interleave(times), label.repeat_interleave(times))
    assert weighted.compute().item() == pytest.approx(repeated.compute().item(), rel=1e-6)


def test_log_loss_is_not_the_mean_of_batch_means() -> None:
    metric = LogLoss()
    first = metric(torch.tensor([0.0, 0.0, 0.0]), torch.tensor([0, 1, 1]))
    second = metric(torch.tensor([4.0]), torch.tensor([0]))
    assert first.item() == pytest.approx(math.log(2))
    assert second.item() == pytest.approx(math.log1p(math.exp(4)))
    whole = (3 * first + second) / 4
    assert metric.compute().item() == pytest.approx(whole.item(), rel=1e-12)
    assert abs(whole - (first + second) / 2) > 0.5


def test_log_loss_agrees_with_split_metrics() -> None:
    generator = torch.Generator().manual_seed(0)
    logit = torch.randn(4000, generator=generator, dtype=torch.float64) - 3
    label = torch.rand(4000, generator=generator) < 0.05
    metric, split_metrics = LogLoss(), SplitMetrics()
    metric.update(logit, label)
    split_metrics.update(torch.sigmoid(logit), label)
    assert metric.compute().item() == pytest.approx(
        split_metrics.evaluate(0.5)["log_loss"], rel=1e-12
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_log_loss_keeps_its_sums_in_float64(dtype: torch.dtype) -> None:
    metric = LogLoss().half()
    logit = torch.tensor(2.0, dtype=dtype)
    for _ in range(20):
        metric.update(logit.expand(100_000), torch.ones(100_000))
    # Two million times 0.127: a float32 sum would be 1e-5 off, one in the logit's bfloat16 more.
    assert metric.compute().item() == pytest.approx(math.log1p(math.exp(-2)), rel=1e-7)


def test_log_loss_makes_no_tensor_on_another_device_and_waits_for_none() -> None:
    metric = LogLoss().to("meta")  # a tensor of the CPU, or a value asked for, would raise
    for dtype in (torch.float32, torch.bfloat16, torch.float64):
        metric.update(torch.empty(8, dtype=dtype, device="meta"), torch.empty(8, device="meta"))
    assert metric.compute().device.type == "meta"
    with pytest.raises(RuntimeError, match="device meta"):
        metric.update(torch.empty(8, device="meta"), torch.empty(8))


def test_log_loss_of_processes_adds_up_and_resets() -> None:
    one, other = LogLoss(), LogLoss()
    one.update(torch.tensor([0.0, 0.0, 0.0]), torch.tensor([0, 1, 1]))
    other.update(torch.tensor([4.0]), torch.tensor([0]))
    one.merge_state(other)
    assert one.compute().item() == pytest.approx((3 * math.log(2) + math.log1p(math.exp(4))) / 4)
    one.reset()
    one.update(torch.tensor([0.0]), torch.tensor([1]))
    assert one.compute().item() == pytest.approx(math.log(2))


def test_log_loss_keeps_no_graph() -> None:
    logit = torch.zeros(3, requires_grad=True)
    metric = LogLoss()
    metric.update(logit, torch.ones(3))
    assert not metric.total.requires_grad
