"""The queue in front of one room: who is next, how long it may take, and what the hosts have said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bridge.room.member import Member
from bridge.room.model import LobbyMessage, LobbyNotice, LobbyView

MAX_LET_IN = 200
"""Of whom is remembered when they were let in. The first goes."""


class Lobby:
    """Knows nothing of who waits but what it is handed; the room keeps them."""

    def __init__(self, consultation: float) -> None:
        """`consultation` is how long one takes, in seconds."""
        self._consultation = consultation
        self._let_in: dict[str, float] = {}
        """When, by identity. Who reloads or comes back goes on with the same consultation."""
        self._delayed_until = 0.0
        self._delay: LobbyMessage | None = None

    @staticmethod
    def queue(members: Iterable[Member]) -> list[Member]:
        """Those who wait, the next one first."""
        return sorted((member for member in members if member.waiting), key=lambda member: member.place)

    def let_in(self, member: Member, now: float) -> None:
        """Somebody was let in, and takes a consultation's time from now."""
        self._let_in = {who: at for who, at in self._let_in.items() if at + self._consultation > now}
        self._let_in.pop(member.identity, None)
        self._let_in[member.identity] = now
        if len(self._let_in) > MAX_LET_IN:
            del self._let_in[next(iter(self._let_in))]

    def rest(self, members: Iterable[Member], now: float) -> float:
        """Seconds that the consultation at hand takes yet; none where nobody of those let in is there any more."""
        inside = [member.identity for member in members if not member.waiting]
        ends = [self._let_in[who] + self._consultation for who in inside if who in self._let_in]
        return max(0.0, max(ends, default=now) - now)

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

    def view(self, of: Member, members: Iterable[Member], now: float, *, rests: Sequence[float]) -> LobbyView:
        """What someone who waits may know; `rests` are those of the rooms with a host that take from here."""
        # Whoever was invited into the call at hand is before nobody, and behind nobody.
        position = 1 if of.invited else [each for each in self.queue(members) if not each.invited].index(of) + 1
        return LobbyView(position, self._expected(of, position, now, rests), len(rests) > 0, tuple(of.messages))

    def _expected(self, of: Member, position: int, now: float, rests: Sequence[float]) -> float | None:
        """Seconds until it is their turn: the rest of the first that ends, and one for each before them."""
        if of.invited:
            return max(0.0, of.delayed_until - now) if rests else None
        delay = max(0.0, self._delayed_until - now, of.delayed_until - now)
        if not rests and not delay:
            return None
        return max(delay, min(rests, default=0.0)) + (position - 1) * self._consultation / max(1, len(rests))
