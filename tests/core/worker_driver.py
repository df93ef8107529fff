"""A worker on loopback and what it takes to talk to it: events by type, and ICE checks of a client."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from aioice import stun

from bridge import _core
from tests.support.patience import PATIENCE

UFRAG = "workerUfrag"
PASSWORD = "workerPasswordOf22Chars"


@contextmanager
def running_worker(*listen: str) -> Iterator[_core.Worker]:
    worker = _core.Worker({"index": 0, "listen": list(listen or ["127.0.0.1:0"])})
    try:
        yield worker
    finally:
        worker.close()


def address_of(worker: _core.Worker, index: int = 0) -> tuple[str, int]:
    host, _, port = worker.local_addresses()[index].rpartition(":")
    return host.strip("[]"), int(port)


def next_event(worker: _core.Worker) -> _core.Event:
    """Waits for the descriptor and takes one event."""
    readable, _, _ = select.select([worker.event_fd()], [], [], PATIENCE)
    assert readable, "no event arrived"
    (event,) = worker.drain(1)
    return event


def create_transport(worker: _core.Worker, transport_id: int) -> None:
    worker.create_webrtc_transport(transport_id, {"router_id": 1, "ice_ufrag": UFRAG, "ice_pwd": PASSWORD})


def binding_request() -> bytes:
    """An ICE check as a controlling agent sends it, nominating at once."""
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{UFRAG}:client"
    request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLING"] = 1
    request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(PASSWORD.encode())
    return bytes(request)


def framed(packet: bytes) -> bytes:
    """RFC 4571."""
    return struct.pack("!H", len(packet)) + packet


def receive_frame(connection: socket.socket) -> bytes:
    (length,) = struct.unpack("!H", receive_exactly(connection, 2))
    return receive_exactly(connection, length)


def receive_exactly(connection: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        chunk = connection.recv(length - len(received))
        assert chunk, "the connection was closed"
        received += chunk
    return received
