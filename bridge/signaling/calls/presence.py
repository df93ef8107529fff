"""Whether a client is still there: what its signalling and its connections together say.

A client with signalling of its own (WebSocket) is there while either lives: lost media is mended by an ICE restart,
lost signalling by a resume. A client of the HTTP doors signals by its media alone: when that is silent it is shown as
reconnecting, and when it closes its connection it has left.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING

from bridge.room import EndReason
from bridge.sfu import ConnectionKind, ConnectionState
from bridge.signaling.calls.notices import ConnectionChanged, IceRestartWanted
from bridge.signaling.calls.ports import Door

if TYPE_CHECKING:
    from bridge.signaling.calls.call import Call
    from bridge.signaling.calls.calls import Calls

SILENT = frozenset({ConnectionState.DISCONNECTED, ConnectionState.FAILED, ConnectionState.CLOSED})
"""States in which nothing comes from the client."""


class Presence:
    """Watches one call's connections, and ends the call when nothing more is to be expected of its client."""

    def __init__(self, call: Call, calls: Calls) -> None:
        # Calls own their presence. Were this a cycle, ended calls would stay until the collector comes round.
        self._call = weakref.proxy(call)
        self._calls = calls
        self._states: dict[ConnectionKind, ConnectionState] = {}
        self._restarts_due: set[ConnectionKind] = set()
        """What to ask for once the signalling is back."""
        self._signals_by_media = call.door is not Door.WEBSOCKET
        self._signalling = True
        self._joined_at = calls.clock()
        self._connected_once = False
        self._timer: asyncio.TimerHandle | None = None
        if self._signals_by_media:
            self._start_timer(calls.settings.connect_timeout)

    def connection(self, kind: ConnectionKind, state: ConnectionState) -> None:
        """A connection changed its state."""
        if self._states.get(kind) is state:
            return
        self._states[kind] = state
        self._call.tell(ConnectionChanged(kind, state))
        if state is ConnectionState.CONNECTED and not self._connected_once:
            self._connected_once = True
            self._calls.observer.on_first_media(self._call.door, self._calls.clock() - self._joined_at)
        if self._signals_by_media:
            self._follow_media(state)
        elif state is ConnectionState.DISCONNECTED and self._signalling:
            self._ask_for_restart(kind)
        elif not self._signalling:
            self._consider_leaving()

    @property
    def restarts_ice(self) -> bool:
        """Whether the client can be asked for an ICE restart: one of the HTTP doors cannot."""
        return not self._signals_by_media

    def restart_wanted(self, kind: ConnectionKind) -> None:
        """Asks for an ICE restart, now or when the signalling is back."""
        if not self.restarts_ice:
            return
        if self._signalling:
            self._ask_for_restart(kind)
        else:
            self._restarts_due.add(kind)

    def signalling_lost(self) -> None:
        """The WebSocket is gone; the room's grace period runs."""
        self._signalling = False
        self._consider_leaving()

    def signalling_back(self) -> None:
        """It is there (again). Connections that fell silent meanwhile are mended now."""
        self._signalling = True
        if self._signals_by_media:
            return
        self._cancel_timer()
        for kind, state in self._states.items():
            if state is ConnectionState.DISCONNECTED or kind in self._restarts_due:
                self._ask_for_restart(kind)
        self._restarts_due.clear()

    def forget_media(self) -> None:
        """The client is in the lobby, and its connections are gone with our doing."""
        self._states.clear()
        self._restarts_due.clear()
        self._cancel_timer()

    def close(self) -> None:
        """The call is over."""
        self._cancel_timer()

    def _follow_media(self, state: ConnectionState) -> None:
        if state is ConnectionState.CONNECTED:
            self._cancel_timer()
            if not self._signalling:
                self._signalling = True
                self._calls.resume_silent(self._call)
        elif state in (ConnectionState.CLOSED, ConnectionState.FAILED):
            self._call.leave(EndReason.LEFT if state is ConnectionState.CLOSED else EndReason.MEDIA_LOST)
        elif state is ConnectionState.DISCONNECTED and self._signalling:
            self._signalling = False
            self._calls.rooms.disconnect(self._call.session.id, self._call.session.attachment)
            self._calls.arm()
            self._start_timer(self._calls.settings.media_grace)

    def _consider_leaving(self) -> None:
        states = set(self._states.values())
        if not states or not states <= SILENT:
            # Without any connection the room's grace period alone decides.
            self._cancel_timer()
        elif states == {ConnectionState.CLOSED}:
            # It closed its connections in good order and then its WebSocket: it will not come back.
            self._call.leave()
        elif self._timer is None:
            self._start_timer(self._calls.settings.media_grace)

    def _ask_for_restart(self, kind: ConnectionKind) -> None:
        if kind is ConnectionKind.PUBLISH:
            self._call.tell(IceRestartWanted())
        else:
            self._call.receiving.want_offer(ice_restart=True)

    def _start_timer(self, seconds: float) -> None:
        self._cancel_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._call.leave, EndReason.MEDIA_LOST)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
