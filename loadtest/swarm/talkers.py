"""Rooms that talk in a process of their own, and what their participants hear while something else happens."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

import uvloop

from loadtest.measure import DevelopmentBridge
from loadtest.swarm.talk import TalkingRoom

GAP = 0.05
"""Seconds of silence that are heard."""


@dataclass(frozen=True)
class Heard:
    """What arrived at all participants, seconds unless the name says otherwise."""

    packets: int
    lost: int
    longest_gap: float
    """The longest pause between two packets that were sent without one."""
    longest_delay: float
    """From one participant's sending to another's receiving, a talker that does not get the CPU included."""
    gaps_over_50_ms: int
    """Streams that had one."""
    talkers_cpu: float
    """CPU seconds of the talkers' process."""


class Talkers:
    """A process with rooms of two in it, each of whom sends sound, and pictures if there is a bitrate."""

    def __init__(self, link: Connection) -> None:
        self._link = link

    def start_counting(self) -> None:
        """What was heard before does not count."""
        self._link.send("count")
        self._link.recv()

    def heard(self) -> Heard:
        """What was heard since."""
        self._link.send("tell")
        told = self._link.recv()
        assert isinstance(told, Heard)
        return told


@contextmanager
def talking(bridge: DevelopmentBridge, rooms: int, bitrate: int = 0) -> Iterator[Talkers]:
    """Starts the rooms, which talk when this returns."""
    here, there = multiprocessing.Pipe()
    # Not a fork: the parent may have an event loop.
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(bridge, rooms, bitrate, there))
    process.start()
    there.close()
    try:
        here.recv()
        yield Talkers(here)
        here.send("stop")
        process.join(60)
    finally:
        if process.is_alive():
            process.kill()


def _run(bridge: DevelopmentBridge, rooms: int, bitrate: int, link: Connection) -> None:
    uvloop.run(_talk(bridge, rooms, bitrate, link))


async def _talk(bridge: DevelopmentBridge, rooms: int, bitrate: int, link: Connection) -> None:
    talking = [TalkingRoom(bridge.url, f"talk-{rooms}-{index}", 2, bitrate, bridge.token) for index in range(rooms)]
    for room in talking:
        await room.open()
    link.send("talking")
    streams = [entry for room in talking for entry in room.arrivals()]
    began = time.process_time()
    while (asked := await asyncio.to_thread(link.recv)) != "stop":
        if asked == "count":
            streams = [entry for room in talking for entry in room.arrivals()]
            for entry in streams:
                entry.start_over()
            began = time.process_time()
            link.send("counting")
            continue
        gaps = [entry.longest_gap for entry in streams]
        link.send(
            Heard(
                packets=sum(entry.packets for entry in streams),
                lost=sum(entry.lost for entry in streams),
                longest_gap=max(gaps, default=0.0),
                longest_delay=max((entry.longest_delay for entry in streams), default=0.0),
                gaps_over_50_ms=sum(gap > GAP for gap in gaps),
                talkers_cpu=time.process_time() - began,
            )
        )
    for room in talking:
        await room.close()
