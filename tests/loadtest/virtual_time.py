"""A link fed with packets at even distances, in virtual time."""

from __future__ import annotations

from loadtest.emulator import Direction, LinkModel

SIZE = 1000


def run(
    direction: Direction,
    *,
    packets: int = 1000,
    every: float = 0.01,
    size: int = SIZE,
    seed: int = 1,
    begin: float = 0.0,
) -> tuple[LinkModel[int], list[tuple[float, int]]]:
    """Sends packets at even distances; returns the model and (arrival, number) in order of arrival."""
    model: LinkModel[int] = LinkModel(direction, seed=seed)
    arrived: list[tuple[float, int]] = []
    for number in range(packets):
        now = begin + number * every
        arrived += model.poll(now)
        model.send(now, size, number)
    while (time := model.next_time()) is not None and time < begin + packets * every + 1000:
        arrived += model.poll(time)
        if direction.cross_traffic and time > begin + packets * every + 5:
            break
    return model, arrived
