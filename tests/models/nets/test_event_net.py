"""Nets that read events: a slow recurrence, lists of every length, and what each column adds."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from churn_torch.models.nets.event_net import EventNet, EventReader
from churn_torch.models.nets.event_transformer import EventTransformer
from churn_torch.models.nets.gru import GRU, RecurrentReader
from churn_torch.models.preprocessing.event_lists import SequenceLayout

LAST = 4
# Two numbers (the second is the time, with a flag) and a category, between two plain features.
LAYOUT = SequenceLayout(
    start=1, last=LAST, numbers=((0,), (1, 2), ()), codes=(None, None, 3), n_codes=5, days_before=1
)
WIDTH = LAYOUT.stop + 1
COLUMNS = [[0], [WIDTH - 1], *([1, 2], [3], [4])]


def made(kind: type[EventNet]) -> EventNet:
    torch.manual_seed(0)
    net = kind(n_features=WIDTH, columns=COLUMNS, sequences=[LAYOUT], width=8)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return net.eval()


def rows(lengths: list[int]) -> torch.Tensor:
    """Rows of model space; behind the last event stands something that must not matter."""
    torch.manual_seed(1)
    x = torch.randn(len(lengths), WIDTH)
    cells = x[:, 2 : LAYOUT.stop].view(-1, LAST, LAYOUT.width)
    cells[:, :, 3] = torch.randint(0, 5, (len(lengths), LAST)).float()
    x[:, 1] = torch.tensor(lengths, dtype=torch.float32)
    return x


@pytest.fixture(params=[GRU, EventTransformer], ids=["gru", "event_transformer"])
def net(request: pytest.FixtureRequest) -> EventNet:
    return made(request.param)


@torch.no_grad()
def test_what_stands_behind_the_last_event_does_not_matter(net: EventNet):
    x = rows([0, 1, 2, 3, LAST])
    other = x.clone()
    cells = other[:, 2 : LAYOUT.stop].view(-1, LAST, LAYOUT.width)
    for row, n in enumerate([0, 1, 2, 3, LAST]):
        cells[row, n:] = 3.0
    torch.testing.assert_close(net(other), net(x))
    torch.testing.assert_close(net.contributions(other), net.contributions(x))
    # What stands before it does.
    cells[1, 0] += 1
    assert abs(net(other)[1] - net(x)[1]) > 1e-3


@torch.no_grad()
def test_contributions_add_up_to_the_logit(net: EventNet):
    (reader,) = net.readers
    assert isinstance(reader, EventReader)
    reader.typical.fill_(0.3)
    x = rows([0, 1, 3, LAST, 2])
    added = net.contributions(x)
    assert added.shape == (5, len(COLUMNS))
    torch.testing.assert_close(added.sum(1) + net.linear.bias + 0.3, net(x))
    # A customer without events differs from the average only in that; the times of events tell it.
    assert torch.equal(added[0, 2:] != 0, torch.tensor([False, True, False]))
    # A length below 0 is the average customer.
    x[:, 1] = -1
    torch.testing.assert_close(net.contributions(x)[:, 2:], torch.zeros(5, 3))
    torch.testing.assert_close(net(x), net.linear(net.plain(x))[:, 0] + 0.3)


@torch.no_grad()
def test_contributions_are_the_values_of_two_opposite_orders(net: EventNet):
    (reader,) = net.readers
    assert isinstance(reader, EventReader)
    x = rows([3, 1, LAST])
    length, cells = reader.split(x)
    vectors = reader.embedding(cells)

    def value(columns: tuple[int, ...]) -> torch.Tensor:
        events = sum((vectors[c] for c in columns), torch.zeros_like(vectors[0]))
        return reader.read(events, length)

    expected = torch.zeros(3, 3)
    for order in ((0, 1, 2), (2, 1, 0)):
        for place, column in enumerate(order):
            step = value(order[: place + 1]) - value(order[:place])
            expected[:, column] += step / 2
    expected[:, 1] += value(()) - reader.typical
    torch.testing.assert_close(reader.contributions(x), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_recurrence_is_that_of_the_paper():
    net = made(GRU)
    (reader,) = net.readers
    assert isinstance(reader, RecurrentReader)
    lengths = [0, 1, 3, LAST]
    x = rows(lengths)
    events = reader.embedding(reader.split(x)[1]).sum(0).numpy().astype(np.float64)
    w, u, b, c = (p.numpy().astype(np.float64) for p in reader.units.parameters())
    head = reader.head.weight[0].numpy()

    def gate(v: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-v))

    for row, n in enumerate(lengths):
        state = np.zeros(8)
        for event in events[row, :n]:
            of_input, of_state = np.split(w @ event + b, 3), np.split(u @ state + c, 3)
            reset, update = gate(of_input[0] + of_state[0]), gate(of_input[1] + of_state[1])
            state = (1 - update) * np.tanh(of_input[2] + reset * of_state[2]) + update * state
        expected = head @ state + reader.head.bias.item()
        assert abs(reader(x)[row].item() - expected) < 1e-5


@torch.no_grad()
def test_the_transformer_sees_times_and_not_places():
    """Without a column of times, only the last event is known by its place."""
    net = made(EventTransformer)
    layout = SequenceLayout(
        start=1, last=LAST, numbers=((0,), (1, 2), ()), codes=(None, None, 3), n_codes=5,
        days_before=None,
    )  # fmt: skip
    torch.manual_seed(0)
    plain = EventTransformer(n_features=WIDTH, columns=COLUMNS, sequences=[layout], width=8).eval()
    for one, same in ((net, False), (plain, True)):
        x = rows([LAST])
        other = x.clone()
        cells = other[:, 2 : LAYOUT.stop].view(LAST, LAYOUT.width)
        cells[[0, 1]] = cells[[1, 0]]
        assert torch.allclose(one(x), one(other), atol=1e-6) == same


def test_both_learn_something_that_no_sum_tells():
    """Whether the last event was the larger of two: windows of sums cannot know."""
    torch.manual_seed(0)
    layout = SequenceLayout(
        start=0, last=2, numbers=((0,),), codes=(None,), n_codes=0, days_before=None
    )
    x = torch.cat([torch.full((256, 1), 2.0), torch.randn(256, 2), torch.randn(256, 1)], dim=1)
    label = (x[:, 2] > x[:, 1]).float()
    for kind in (GRU, EventTransformer):
        net = kind(n_features=4, sequences=[layout], width=8, dropout=0.0)
        optimizer = torch.optim.Adam(net.parameters(), lr=0.03)
        for _ in range(40):
            optimizer.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(net(x), label)
            loss.backward()
            optimizer.step()
        assert loss.item() < 0.3
