"""A worker without a data plane: it records commands and says what a test tells it to."""

from __future__ import annotations

import os
from typing import Any, cast

from bridge import _core


class FakeWorker:
    """Stands in for `bridge._core.Worker`. `calls` has every command as (name, *arguments)."""

    def __init__(self, config: _core.WorkerConfig) -> None:
        self.config = config
        self.calls: list[tuple[Any, ...]] = []
        self.closed = False
        self.stats_answers: dict[int, Any] = {}
        self._events: list[_core.Event] = []
        self._read_fd, self._write_fd = os.pipe2(os.O_NONBLOCK)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(_COMMANDS, name):
            raise AttributeError(name)

        def command(*arguments: Any) -> None:
            self.calls.append((name, *arguments))

        return command

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            os.close(self._read_fd)
            os.close(self._write_fd)

    def event_fd(self) -> int:
        return self._read_fd

    def drain(self, limit: int = 1024) -> list[_core.Event]:
        events, self._events = self._events[:limit], self._events[limit:]
        if not self._events:
            os.read(self._read_fd, 4096)
        return events

    def local_addresses(self) -> list[str]:
        return list(self.config["listen"])

    def stats(self) -> Any:
        return {"transports": 0}

    def capabilities(self) -> Any:
        return {"udp_gso": False}

    def transport_stats(self, request_id: int, transport_id: int) -> None:
        if transport_id in self.stats_answers:
            self.emit(type="transport_stats", request_id=request_id, stats=self.stats_answers[transport_id])

    def flight_record(self, request_id: int, transport_id: int) -> None:
        self.emit(type="flight_record", request_id=request_id, record=b"record of %d" % transport_id)

    def emit(self, **event: Any) -> None:
        """Has an event wait for the event loop."""
        self._events.append(cast("_core.Event", event))
        os.write(self._write_fd, b"x")

    def called(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of every call of a command."""
        return [call[1:] for call in self.calls if call[0] == name]


class _COMMANDS:
    create_webrtc_transport = create_plain_transport = update_transport = restart_ice = send_dtls = set_srtp = (
        close_transport
    ) = None
    create_producer = pause_producer = close_producer = request_keyframe = None
    set_consumer_redundancy = select_speakers = None
    create_consumer = pause_consumer = close_consumer = allocate_consumer = set_transport_demand = None
    hand_over_consumer = None
