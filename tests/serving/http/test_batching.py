from __future__ import annotations

import asyncio

import numpy as np
import pytest

from churn_torch.serving.http.batching import Batcher


def test_requests_that_arrive_together_are_one_call():
    calls: list[list[int]] = []

    def run(rows: list[int]) -> dict[str, np.ndarray]:
        calls.append(rows)
        return {"double": np.array(rows) * 2}

    async def ask() -> list[dict[str, np.ndarray]]:
        batcher = Batcher(run)
        together = await asyncio.gather(batcher([1]), batcher([2, 3]), batcher([4]))
        return [*together, await batcher([5])]

    answers = asyncio.run(ask())
    assert calls == [[1, 2, 3, 4], [5]]
    assert [answer["double"].tolist() for answer in answers] == [[2], [4, 6], [8], [10]]


def test_a_failure_reaches_every_request_and_the_next_call_works():
    def run(rows: list[int]) -> dict[str, np.ndarray]:
        if 0 in rows:
            raise RuntimeError("of the model")
        return {"same": np.array(rows)}

    async def ask() -> None:
        batcher = Batcher(run)
        failed = await asyncio.gather(batcher([0]), batcher([1]), return_exceptions=True)
        assert [str(error) for error in failed] == ["of the model"] * 2
        assert (await batcher([1]))["same"].tolist() == [1]

    asyncio.run(ask())


def test_a_client_that_has_gone_takes_no_other_along():
    async def ask() -> None:
        batcher = Batcher(lambda rows: {"same": np.array(rows)})
        gone, stays = (asyncio.create_task(batcher([i])) for i in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        assert (await stays)["same"].tolist() == [1]
        with pytest.raises(asyncio.CancelledError):
            await gone

    asyncio.run(ask())
