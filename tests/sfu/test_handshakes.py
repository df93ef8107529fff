"""Handshakes take turns."""

from __future__ import annotations

import asyncio

from bridge.sfu.handshakes import DATAGRAMS_PER_TURN, DATAGRAMS_WAITING, HandshakeQueue


class Receiver:
    def __init__(self, log: list[tuple[str, bytes]], name: str) -> None:
        self._log = log
        self._name = name

    def receive_dtls(self, datagram: bytes) -> None:
        self._log.append((self._name, datagram))
        if datagram == b"bug":
            raise RuntimeError("a bug")


async def turn() -> None:
    """One turn of the event loop: `call_soon` is first come, first served."""
    await asyncio.sleep(0)


async def test_a_turn_has_a_bound_and_everyone_gets_one() -> None:
    log: list[tuple[str, bytes]] = []
    queue = HandshakeQueue()
    queue.submit(Receiver(log, "flood"), [b"x"] * 60)
    queue.submit(Receiver(log, "call"), [b"hello"])
    await turn()
    assert len(log) == DATAGRAMS_PER_TURN
    assert log[1] == ("call", b"hello")
    for _ in range(4):
        await turn()
    assert len(log) == 61


async def test_what_one_transport_may_have_waiting_is_bounded() -> None:
    log: list[tuple[str, bytes]] = []
    queue = HandshakeQueue()
    queue.submit(Receiver(log, "flood"), [b"x"] * (DATAGRAMS_WAITING + 10))
    assert queue.dropped == 10


async def test_the_order_of_a_transport_is_kept() -> None:
    log: list[tuple[str, bytes]] = []
    queue = HandshakeQueue()
    receiver = Receiver(log, "a")
    queue.submit(receiver, [b"1", b"2"])
    queue.submit(receiver, [b"3"])
    await turn()
    assert [datagram for _, datagram in log] == [b"1", b"2", b"3"]


async def test_what_waits_for_a_closed_transport_is_forgotten() -> None:
    log: list[tuple[str, bytes]] = []
    queue = HandshakeQueue()
    receiver = Receiver(log, "a")
    queue.submit(receiver, [b"1"])
    queue.forget(receiver)
    await turn()
    assert log == []


async def test_a_bug_in_one_does_not_stop_the_others() -> None:
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
    log: list[tuple[str, bytes]] = []
    queue = HandshakeQueue()
    queue.submit(Receiver(log, "bad"), [b"bug"])
    queue.submit(Receiver(log, "good"), [b"1"])
    await turn()
    await turn()
    assert ("good", b"1") in log
    assert len(reported) == 1
