"""The queue in front of one room: who is next, how long it may take, and what the hosts have said."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.room.member import Member
from bridge.room.model import LobbyMessage, LobbyNotice, LobbyView


class Lobby:
    """Knows nothing of who waits but what it is handed; the room keeps them."""

    def __init__(self, consultation: float) -> None:
        """`consultation` is how long one takes, in seconds."""
        self._consultation = consultation
        self._let_in_at: float | None = None
        self._delayed_until = 0.0
        self._delay: LobbyMessage | None = None

    @staticmethod
    def queue(members: Iterable[Member]) -> list[Member]:
        """Those who wait, the next one first."""
        return sorted((member for member in members if member.waiting), key=lambda member: member.place)

    def let_in(self, now: float) -> None:
        """Somebody was let in, and takes a consultation's time from now."""
        self._let_in_at = now

    def newcomer(self, member: Member, now: float) -> None:
        """Tells someone who begins to wait what holds for all who wait for their turn."""
        if self._delay is not None and not member.invited and now < self._delayed_until:
            member.messages.append(self._delay)

    def message(self, to: Iterable[Member], message: LobbyMessage, now: float, *, to_all: bool) -> None:
        """Keeps a host's message for those it is for; a delay of all of them also for those who come later."""
        delayed_until = now + (message.minutes or 0) * 60.0
        delayed = message.notice is LobbyNotice.DELAYED
        for member in to:
            member.messages.append(message)
            if delayed:
                member.delayed_until = delayed_until
        if to_all and delayed:
            self._delayed_until = delayed_until
            self._delay = message

    def view(self, of: Member, members: Iterable[Member], now: float, *, hosts: int) -> LobbyView:
        """What someone who waits may know; `hosts` is how many rooms with a host take from here."""
        # Whoever was invited into the call at hand is before nobody, and behind nobody.
        position = 1 if of.invited else [each for each in self.queue(members) if not each.invited].index(of) + 1
        return LobbyView(position, self._expected(of, position, now, hosts), hosts > 0, tuple(of.messages))

    def _expected(self, of: Member, position: int, now: float, hosts: int) -> float | None:
        """Seconds until it is their turn: the rest of the one at hand, and one for each before them."""
        if of.invited:
            return max(0.0, of.delayed_until - now) if hosts else None
        delay = max(0.0, self._delayed_until - now, of.delayed_until - now)
        if not hosts and not delay:
            return None
        at_hand = 0.0
        if self._let_in_at is not None and hosts:
            at_hand = max(0.0, self._let_in_at + self._consultation - now) / hosts
        return max(delay, at_hand) + (position - 1) * self._consultation / max(1, hosts)
