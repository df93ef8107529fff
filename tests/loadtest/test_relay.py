"""The relay between real sockets. What is lost is compared with the model; how fast it is, is measured elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Callable
from typing import cast

import pytest

from loadtest.emulator import Cause, Direction, LinkDescription, LinkModel
from loadtest.emulator.description import IndependentLoss, Outage, Queue, Steps
from loadtest.emulator.pool import Sharing
from loadtest.emulator.relay import Address, Relay
from loadtest.emulator.tcp_relay import TcpRelay
from tests.support.patience import PATIENCE

LOOPBACK = ("127.0.0.1", 0)


class Datagrams(asyncio.DatagramProtocol):
    """A socket whose datagrams can be awaited; an echo server if told so."""

    def __init__(self, echo: bool = False) -> None:
        self.echo = echo
        self.received: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.received.put_nowait((data, addr))
        if self.echo:
            self.transport.sendto(data, addr)

    async def next(self) -> tuple[bytes, Address]:
        return await asyncio.wait_for(self.received.get(), PATIENCE)


@contextlib.asynccontextmanager
async def datagrams(to: Address | None = None, echo: bool = False) -> AsyncIterator[Datagrams]:
    loop = asyncio.get_running_loop()
    local = None if to else LOOPBACK
    transport, protocol = await loop.create_datagram_endpoint(lambda: Datagrams(echo), local_addr=local, remote_addr=to)
    try:
        yield protocol
    finally:
        transport.close()


def name(socket_: asyncio.DatagramTransport) -> Address:
    host, port = socket_.get_extra_info("sockname")
    return host, port


async def until(condition: Callable[[], bool]) -> None:
    """Lets the loop go round until something that tells nobody has happened."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.005)


async def test_datagrams_go_there_and_back_and_those_the_model_loses_do_not() -> None:
    lossy = Direction(delay=0.005, loss=IndependentLoss(0.2))
    description = LinkDescription(down=Direction(delay=0.005), up=lossy)
    model: LinkModel[int] = LinkModel(lossy, seed="7/1/up")
    for number in range(300):
        model.send(0.0, 100, number)
    expected = [packet for _, packet in model.poll(1.0)]

    async with (
        datagrams(echo=True) as server,
        Relay(LOOPBACK, name(server.transport), description, seed=7) as relay,
        datagrams(to=relay.address) as client,
    ):
        for number in range(300):
            client.transport.sendto(number.to_bytes(2))
        back = [int.from_bytes((await client.next())[0]) for _ in expected]
        assert back == expected
        totals = relay.totals()
    assert totals.links == 1
    assert totals.up.lost[Cause.LOSS] == 300 - len(expected)
    assert totals.down.delivered == len(expected)
    # Headers of IP and UDP use the line as well.
    assert totals.down.delivered_bytes == len(expected) * (2 + 28)
    assert totals.lateness.count == 2 * len(expected)


async def test_every_client_has_a_port_of_its_own_towards_the_server_and_a_link_of_its_own() -> None:
    async with (
        datagrams(echo=True) as server,
        Relay(LOOPBACK, name(server.transport), LinkDescription(), seed=1) as relay,
        datagrams(to=relay.address) as one,
        datagrams(to=relay.address) as other,
    ):
        one.transport.sendto(b"one")
        other.transport.sendto(b"other")
        assert (await one.next())[0] == b"one"
        assert (await other.next())[0] == b"other"
        sources = {(await server.next())[1] for _ in range(2)}
        assert len(sources) == 2
        assert relay.totals().links == 2


@pytest.mark.parametrize(("sharing", "links"), [(Sharing.CLIENT, 2), (Sharing.HOST, 1), (Sharing.ALL, 1)])
async def test_a_link_is_shared_as_asked(sharing: Sharing, links: int) -> None:
    async with (
        datagrams(echo=True) as server,
        Relay(LOOPBACK, name(server.transport), LinkDescription(), seed=1, sharing=sharing) as relay,
        datagrams(to=relay.address) as one,
        datagrams(to=relay.address) as other,
    ):
        for client in (one, other):
            client.transport.sendto(b"x")
            await client.next()
        assert relay.totals().links == links
        assert relay.totals().up.sent == 2


async def test_clients_beyond_the_limit_are_refused_and_counted() -> None:
    async with (
        datagrams(echo=True) as server,
        Relay(LOOPBACK, name(server.transport), LinkDescription(), seed=1, limit=1) as relay,
        datagrams(to=relay.address) as one,
        datagrams(to=relay.address) as other,
    ):
        one.transport.sendto(b"x")
        await one.next()
        other.transport.sendto(b"x")
        # What comes behind it on the same port has arrived, so it has been seen.
        one.transport.sendto(b"x")
        await one.next()
        assert relay.udp.refused == 1
        assert relay.totals().links == 1


async def test_a_client_for_whom_there_is_no_open_file_left_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "too many open files")

    async with (
        datagrams(echo=True) as server,
        Relay(LOOPBACK, name(server.transport), LinkDescription(), seed=1) as relay,
        datagrams(to=relay.address) as one,
        datagrams(to=relay.address) as other,
    ):
        one.transport.sendto(b"x")
        await one.next()
        monkeypatch.setattr("loadtest.emulator.udp_relay._open", no_more)
        other.transport.sendto(b"x")
        one.transport.sendto(b"x")
        await one.next()
        assert relay.udp.refused == 1
        assert relay.pool.in_use == 1


async def test_a_move_changes_the_address_that_the_server_sees_and_nothing_else() -> None:
    async with (
        datagrams(echo=True) as server,
        Relay(LOOPBACK, name(server.transport), LinkDescription(), seed=1) as relay,
        datagrams(to=relay.address) as client,
    ):
        seen = []
        for _ in range(2):
            client.transport.sendto(b"x")
            await client.next()
            seen.append((await server.next())[1])
            relay.udp.move()
        assert seen[0] != seen[1]
        assert relay.totals().links == 1


async def test_a_port_that_only_udp_could_have_is_left_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Address] = []
    listen = TcpRelay.listen

    async def taken_at_first(relay: TcpRelay, address: Address) -> None:
        tried.append(address)
        with socket.create_server(address) if len(tried) == 1 else contextlib.nullcontext():
            await listen(relay, address)

    monkeypatch.setattr(TcpRelay, "listen", taken_at_first)
    async with Relay(LOOPBACK, LOOPBACK, LinkDescription(), seed=1) as relay:
        assert tried[1:] == [relay.address]
        assert relay.tcp.address == relay.address
    # One that was asked for is not exchanged.
    with socket.create_server(LOOPBACK) as taken, pytest.raises(OSError, match="in use"):
        await Relay(taken.getsockname(), LOOPBACK, LinkDescription(), seed=1).__aenter__()


@contextlib.asynccontextmanager
async def echo_server() -> AsyncIterator[Address]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, *LOOPBACK)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()


async def test_a_tcp_connection_over_a_bad_link_loses_no_byte_and_keeps_the_order() -> None:
    bad = Direction(
        capacity=Steps(((0.0, 20e6),)),
        delay=0.002,
        loss=IndependentLoss(0.05),
        duplicates=0.05,
        queue=Queue(seconds=None, bytes=20_000),
    )
    sent = bytes(range(256)) * 800
    async with (
        echo_server() as server,
        Relay(LOOPBACK, server, LinkDescription(bad, bad), seed=1) as relay,
    ):
        reader, writer = await asyncio.open_connection(*relay.address)
        writer.write(sent)
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(-1), PATIENCE) == sent
        writer.close()
        totals = relay.totals()
        assert totals.up.lost[Cause.LOSS] > 0
        assert totals.down.lost[Cause.LOSS] > 0


async def test_a_tcp_connection_ends_with_either_side_and_its_link_with_it() -> None:
    async with echo_server() as server, Relay(LOOPBACK, server, LinkDescription(), seed=1) as relay:
        for _ in range(3):
            reader, writer = await asyncio.open_connection(*relay.address)
            writer.write(b"x")
            assert await asyncio.wait_for(reader.read(1), PATIENCE) == b"x"
            # A reset, not a goodbye.
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
            )
            writer.close()
        await until(lambda: not relay.pool.in_use)
        assert relay.totals().links == 3


async def test_a_server_that_is_not_there_refuses_tcp_connections() -> None:
    with socket.socket() as nobody:
        nobody.bind(LOOPBACK)
        async with Relay(LOOPBACK, nobody.getsockname(), LinkDescription(), seed=1) as relay:
            reader, writer = await asyncio.open_connection(*relay.address)
            assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
            writer.close()
            assert relay.tcp.refused == 1


async def test_closing_ends_connections_in_the_middle_of_an_outage() -> None:
    out = Direction(outages=(Outage(0.0, 3600.0),))
    async with echo_server() as server:
        async with Relay(LOOPBACK, server, LinkDescription(up=out), seed=1) as relay:
            reader, writer = await asyncio.open_connection(*relay.address)
            writer.write(b"never arrives")
            await until(lambda: relay.totals().up.sent == 1)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        writer.close()
