import asyncio
import time

from bridge.observability import LoopLag


async def test_a_loop_that_is_held_up_is_noticed() -> None:
    seen: list[float] = []
    first = asyncio.Event()

    def observe(lag: float) -> None:
        seen.append(lag)
        first.set()

    lag = LoopLag(observe, interval=0.001)
    lag.start()
    time.sleep(0.05)  # noqa: ASYNC251 (holding up the loop is the point)
    await first.wait()
    lag.stop()
    lag.stop()
    assert seen[0] >= 0.04
    assert all(value >= 0 for value in seen)
