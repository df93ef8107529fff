"""Which client uses which link, and what went through all of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from loadtest.emulator.description import LinkDescription
from loadtest.emulator.running import RunningLink
from loadtest.emulator.statistics import Durations, Statistics


class Sharing(Enum):
    """Who shares a link."""

    CLIENT = "client"
    """Nobody: every UDP address and port and every TCP connection has its own."""
    HOST = "host"
    """All that comes from one IP address: signalling and media of one participant."""
    ALL = "all"
    """Everybody: an office behind one line."""


@dataclass(slots=True)
class _Entry:
    link: RunningLink
    users: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What went through all links, those that are gone included."""

    links: int
    down: Statistics
    up: Statistics
    lateness: Durations

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "links": self.links,
            "down": self.down.as_dict(),
            "up": self.up.as_dict(),
            "lateness": self.lateness.as_dict(),
        }


class LinkPool:
    """Makes links as clients come. The n-th link has the same seed in every run."""

    def __init__(self, description: LinkDescription, *, seed: int, sharing: Sharing = Sharing.CLIENT) -> None:
        self._description = description
        self._seed = seed
        self._sharing = sharing
        self._entries: dict[object, _Entry] = {}
        self._made = 0
        self._gone = Totals(0, Statistics(), Statistics(), Durations())

    def take(self, client: object, host: str) -> RunningLink:
        """The link of a client, which it gives back by `release` with the same arguments."""
        key = self._key(client, host)
        entry = self._entries.get(key)
        if entry is None:
            self._made += 1
            entry = self._entries[key] = _Entry(RunningLink(self._description, seed=f"{self._seed}/{self._made}"), 0)
        entry.users += 1
        return entry.link

    def release(self, client: object, host: str) -> None:
        """Ends the link with its last user; a link of all stays, so that its trace goes on."""
        key = self._key(client, host)
        entry = self._entries[key]
        entry.users -= 1
        if entry.users == 0 and self._sharing is not Sharing.ALL:
            self._end(key)

    @property
    def in_use(self) -> int:
        """How many links there are now."""
        return len(self._entries)

    def totals(self) -> Totals:
        """What went through."""
        totals = Totals(self._made, Statistics(), Statistics(), Durations())
        _merge(totals, self._gone)
        for entry in self._entries.values():
            _merge(totals, _count(entry.link))
        return totals

    def close(self) -> None:
        """Ends all links."""
        for key in list(self._entries):
            self._end(key)

    def _key(self, client: object, host: str) -> object:
        return {Sharing.CLIENT: client, Sharing.HOST: host, Sharing.ALL: None}[self._sharing]

    def _end(self, key: object) -> None:
        link = self._entries.pop(key).link
        link.close()
        _merge(self._gone, _count(link))


def _count(link: RunningLink) -> Totals:
    return Totals(1, link.link.down.statistics, link.link.up.statistics, link.lateness)


def _merge(totals: Totals, other: Totals) -> None:
    totals.down.merge(other.down)
    totals.up.merge(other.up)
    totals.lateness.merge(other.lateness)
