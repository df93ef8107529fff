"""Those who are told what happens in rooms, and what is yet to be told."""

from __future__ import annotations

import logging
from collections import deque

from bridge.room.events import RoomEvent, RoomListener

_log = logging.getLogger(__name__)


class Listeners:
    """Everyone is told every event, in the order in which they came and in which it happened.

    A listener that calls back makes more happen: that is told after what is being told, by the outermost call.
    """

    def __init__(self) -> None:
        self._listeners: list[RoomListener] = []
        self._untold: deque[RoomEvent] = deque()
        self._telling = False

    def add(self, listener: RoomListener) -> None:
        """Tells `listener` every event from now on, after those who came before it."""
        self._listeners.append(listener)

    def remove(self, listener: RoomListener) -> None:
        """Tells `listener` nothing further."""
        self._listeners.remove(listener)

    def note(self, event: RoomEvent) -> None:
        """Something has happened, and is told by the next `tell`."""
        self._untold.append(event)

    def tell(self) -> None:
        """Tells what has happened."""
        if self._telling:
            return
        self._telling = True
        try:
            while self._untold:
                event = self._untold.popleft()
                for listener in list(self._listeners):
                    try:
                        listener(event)
                    except Exception:
                        # One listener's fault must neither hide the event from the others nor undo what happened.
                        _log.exception("A room listener failed", extra={"event": type(event).__name__})
        finally:
            self._telling = False
