"""ICE and DTLS of one transport: states, keys, deadlines. The client is a DTLS endpoint behind a fake core."""

from __future__ import annotations

import asyncio
import re

import pytest

from bridge.sfu import (
    ConnectionKind,
    ConnectionState,
    MediaSession,
    MediaSettings,
    MediaTimeouts,
    Subscription,
    transport,
)
from bridge.sfu.certificate import CertificateStore
from bridge.sfu.dtls import DtlsEndpoint, DtlsState, Role
from bridge.sfu.sdp import parser
from tests.sfu.conftest import Bridge
from tests.sfu.receiver import FINGERPRINT, answer
from tests.sfu.support import Recorder, fixture, fragments

OFFERED = "26:F2:C7:DB:26:F2:43:84:AA:5F:83:45:D5:F7:43:8B:A3:1A:4D:A3:B7:7B:41:30:EE:A2:1A:77:27:D1:F2:C1"


class Client:
    """The other end of a session's publish connection."""

    def __init__(self, bridge: Bridge, role: Role = "client") -> None:
        self.bridge = bridge
        self.certificate = CertificateStore().current()
        self.endpoint = DtlsEndpoint(self.certificate, role)
        self.session: MediaSession
        self.recorder: Recorder
        self.session, self.recorder = bridge.open("anna")
        self.transport_id = 0
        self._sent = 0

    async def publish(self, setup: str = "actpass", fingerprint: str | None = None) -> None:
        offer = fixture("chrome_publish").replace(OFFERED, fingerprint or self.certificate.fingerprint.value)
        result = await self.session.publish(offer.replace("a=setup:actpass", f"a=setup:{setup}"))
        self.endpoint.set_peer_fingerprints(parser.parse(result.answer).media[0].fingerprints)
        ((self.transport_id, _),) = self.bridge.core.called("create_webrtc_transport")

    def ice(self, state: str = "connected") -> None:
        self.bridge.core.emit(type="ice", transport_id=self.transport_id, state=state, protocol="udp", moved=False)

    def send(self) -> None:
        datagrams = self.endpoint.take_datagrams()
        if datagrams:
            self.bridge.core.emit(type="dtls", transport_id=self.transport_id, datagrams=datagrams)

    def receive(self) -> None:
        sent = self.bridge.core.called("send_dtls")
        for _, datagrams in sent[self._sent :]:
            for datagram in datagrams:
                self.endpoint.receive(datagram)
        self._sent = len(sent)

    async def shake_hands(self) -> None:
        self.ice()
        if self.endpoint.role == "client":
            self.endpoint.start()
        for _ in range(20):
            self.send()
            await settle()
            self.receive()

    async def wait_for(self, state: ConnectionState) -> None:
        await self.recorder.wait_for("connection", ConnectionKind.PUBLISH, state)


async def watching(bridge: Bridge, session: MediaSession) -> MediaSession:
    """The session, which wants to receive what somebody else sends."""
    other, _ = bridge.open("bo")
    producers = (await other.publish(fixture("chrome_publish"))).producers
    session.set_subscriptions([Subscription(each.producer_id, "bo", each.kind) for each in producers])
    return session


async def settle() -> None:
    """Lets the event loop read the event descriptor and do what follows."""
    for _ in range(4):
        await asyncio.sleep(0)


async def test_keys_go_down_when_the_peer_is_who_its_sdp_said(bridge: Bridge) -> None:
    client = Client(bridge)
    await client.publish()
    await client.shake_hands()
    await client.wait_for(ConnectionState.CONNECTED)
    ((transport_id, keys),) = bridge.core.called("set_srtp")
    assert transport_id == client.transport_id
    assert client.endpoint.srtp is not None
    assert keys["send_key"] == client.endpoint.srtp["receive_key"]
    assert keys["receive_key"] == client.endpoint.srtp["send_key"]


async def test_the_active_role(bridge: Bridge) -> None:
    client = Client(bridge, "server")
    await client.publish("passive")
    await client.shake_hands()
    await client.wait_for(ConnectionState.CONNECTED)
    assert client.endpoint.state is DtlsState.CONNECTED
    assert len(bridge.core.called("set_srtp")) == 1


async def test_a_wrong_certificate_gets_no_keys(bridge: Bridge) -> None:
    client = Client(bridge)
    await client.publish(fingerprint=FINGERPRINT)
    await client.shake_hands()
    await client.wait_for(ConnectionState.FAILED)
    assert bridge.core.called("set_srtp") == []


async def test_a_path_that_comes_back_needs_no_new_handshake(bridge: Bridge) -> None:
    client = Client(bridge)
    await client.publish()
    await client.shake_hands()
    client.ice("consent_expired")
    await client.wait_for(ConnectionState.DISCONNECTED)
    client.recorder.forget()
    client.ice()
    await client.wait_for(ConnectionState.CONNECTED)
    assert len(bridge.core.called("set_srtp")) == 1


async def test_goodbye_ends_it_and_closing_gives_it_back_to_the_worker(bridge: Bridge) -> None:
    client = Client(bridge)
    await client.publish()
    await client.shake_hands()
    client.endpoint.close()
    client.send()
    await client.wait_for(ConnectionState.CLOSED)
    await client.session.close()
    assert bridge.core.called("close_transport") == [(client.transport_id,)]


async def test_closing_says_goodbye_first(bridge: Bridge) -> None:
    client = Client(bridge)
    await client.publish()
    await client.shake_hands()
    await client.session.close()
    client.receive()
    assert client.endpoint.state is DtlsState.CLOSED
    names = [call[0] for call in bridge.core.calls]
    assert names.index("close_transport") > max(index for index, name in enumerate(names) if name == "send_dtls")


async def test_a_handshake_that_stops_in_the_middle_times_out() -> None:
    bridge = Bridge(MediaSettings(timeouts=MediaTimeouts(handshake=0.01)))
    await bridge.sfu.start()
    client = Client(bridge)
    await client.publish()
    client.ice()
    client.endpoint.start()
    client.send()
    await client.wait_for(ConnectionState.FAILED)
    await bridge.sfu.close()


async def test_a_path_that_swallows_the_large_part_of_every_hello_is_left_for_tcp(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "NEXT_CHECK_SECONDS", 0.0)
    client = Client(bridge)
    await client.publish()
    client.ice()
    client.endpoint.start()
    _, tail = fragments(client.endpoint.take_datagrams()[0])
    for _ in range(transport.NARROW_PATH_FLIGHTS - 1):
        bridge.core.emit(type="dtls", transport_id=client.transport_id, datagrams=[tail])
    await settle()
    assert bridge.core.called("update_transport")[-1:] != [(client.transport_id, {"leave_udp": True})]
    bridge.core.emit(type="dtls", transport_id=client.transport_id, datagrams=[tail])
    await client.recorder.wait_for("restart", ConnectionKind.PUBLISH)
    assert bridge.core.called("update_transport")[-1:] == [(client.transport_id, {"leave_udp": True})]

    restart = fixture("chrome_publish").replace(OFFERED, client.certificate.fingerprint.value)
    restart = re.sub("a=ice-ufrag:.*", "a=ice-ufrag:again", restart)
    described = (await client.session.publish(restart)).answer
    assert bridge.core.called("restart_ice")
    assert {line.split(" ")[2] for line in described.splitlines() if line.startswith("a=candidate:")} == {"tcp"}
    offered = await (await watching(bridge, client.session)).subscribe_offer()
    assert " udp " not in offered.sdp, "its other connection begins that way"


RESTART = "a=ice-ufrag:again\r\na=ice-pwd:anotherPasswordOf32Characters000"


async def on_narrowed_path(bridge: Bridge, *, heeds_restarts: bool = True) -> Client:
    """Somebody who publishes, and whose path was found to have become narrow in mid-call."""
    client = Client(bridge)
    client.recorder.heeds_restarts = heeds_restarts
    await client.publish()
    await client.shake_hands()
    await client.wait_for(ConnectionState.CONNECTED)
    bridge.core.emit(type="narrow_path", transport_id=client.transport_id)
    await settle()
    return client


async def test_a_path_that_narrows_in_mid_call_is_left_for_tcp(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as its peer has been refused a check, and so has given the path up."""
    monkeypatch.setattr(transport, "REFUSAL_ARRIVES_SECONDS", 0.0)
    client = await on_narrowed_path(bridge)
    assert ("restart", ConnectionKind.PUBLISH) not in client.recorder.events
    bridge.core.emit(type="udp_refused", transport_id=client.transport_id)
    await client.recorder.wait_for("restart", ConnectionKind.PUBLISH)
    assert (client.transport_id, {"leave_udp": True}) in bridge.core.called("update_transport")


async def test_who_cannot_be_asked_keeps_a_path_that_narrows_until_it_restarts_by_itself(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client of the HTTP doors: sound still passes."""
    monkeypatch.setattr(transport, "REFUSAL_ARRIVES_SECONDS", 0.0)
    client = await on_narrowed_path(bridge, heeds_restarts=False)
    told = bridge.core.called("update_transport")
    assert (client.transport_id, {"leave_udp": True}) not in told
    assert (client.transport_id, {"leave_udp_at_restart": True}) in told

    restarting = asyncio.create_task(client.session.restart_ice(ConnectionKind.PUBLISH, RESTART, demanded=True))
    await settle()
    assert not bridge.core.called("restart_ice"), "the peer has its path as yet"
    bridge.core.emit(type="udp_refused", transport_id=client.transport_id)
    described = await restarting
    assert described is not None
    assert {line.split(" ")[2] for line in described.splitlines() if line.startswith("a=candidate:")} == {"tcp"}
    updates = [update for _, update in bridge.core.called("update_transport")]
    assert {"leave_udp": True} in updates
    # UDP first: Chromium keeps no TCP candidate beside a path over UDP that answers.
    names = [name for name, *_ in bridge.core.calls]
    assert names.index("restart_ice") > bridge.core.calls.index(
        ("update_transport", client.transport_id, {"leave_udp": True})
    )
    assert {"peer_ice": {"ufrag": "again", "pwd": "anotherPasswordOf32Characters000"}} in updates


async def test_who_checks_seldom_is_not_waited_for(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Firefox does, and takes TCP beside UDP."""
    monkeypatch.setattr(transport, "STABLE_NEXT_CHECK_SECONDS", 0.0)
    monkeypatch.setattr(transport, "REFUSAL_ARRIVES_SECONDS", 0.0)
    client = await on_narrowed_path(bridge, heeds_restarts=False)
    assert await client.session.restart_ice(ConnectionKind.PUBLISH, RESTART, demanded=True) is not None


async def test_a_path_is_not_left_where_there_is_no_tcp() -> None:
    bridge = Bridge(MediaSettings(tcp=False))
    await bridge.sfu.start()
    client = Client(bridge)
    await client.publish()
    client.ice()
    client.endpoint.start()
    _, tail = fragments(client.endpoint.take_datagrams()[0])
    bridge.core.emit(type="dtls", transport_id=client.transport_id, datagrams=[tail] * 20)
    bridge.core.emit(type="narrow_path", transport_id=client.transport_id)
    await settle()
    assert (client.transport_id, {"leave_udp": True}) not in bridge.core.called("update_transport")
    await bridge.sfu.close()


async def test_a_peer_that_connects_and_says_nothing_has_no_deadline_here() -> None:
    bridge = Bridge(MediaSettings(timeouts=MediaTimeouts(handshake=0.0)))
    await bridge.sfu.start()
    client = Client(bridge)
    await client.publish()
    client.ice()
    await client.wait_for(ConnectionState.CONNECTING)
    assert len(client.recorder.events) == 1
    await bridge.sfu.close()


async def test_a_hello_may_overtake_its_answer(bridge: Bridge) -> None:
    anna, _ = bridge.open("anna")
    producers = (await anna.publish(fixture("chrome_publish"))).producers
    bo, recorder = bridge.open("bo")

    bo.set_subscriptions([Subscription(each.producer_id, "anna", each.kind) for each in producers])
    offer = await bo.subscribe_offer()
    certificate = CertificateStore().current()
    endpoint = DtlsEndpoint(certificate, "client")
    endpoint.set_peer_fingerprints(parser.parse(offer.sdp).media[0].fingerprints)
    (transport_id, _) = bridge.core.called("create_webrtc_transport")[1]
    bridge.core.emit(type="ice", transport_id=transport_id, state="connected", protocol="udp", moved=False)
    endpoint.start()
    seen = 0
    for _ in range(20):
        bridge.core.emit(type="dtls", transport_id=transport_id, datagrams=endpoint.take_datagrams())
        await settle()
        sent = bridge.core.called("send_dtls")
        for _, datagrams in sent[seen:]:
            for datagram in datagrams:
                endpoint.receive(datagram)
        seen = len(sent)
    assert endpoint.state is DtlsState.CONNECTED
    assert bridge.core.called("set_srtp") == []
    text = answer(offer.sdp).replace(FINGERPRINT, certificate.fingerprint.value)
    await bo.subscribe_answer(text, offer.revision)
    await recorder.wait_for("connection", ConnectionKind.SUBSCRIBE, ConnectionState.CONNECTED)
    assert len(bridge.core.called("set_srtp")) == 1


@pytest.mark.parametrize("command", ["create_webrtc_transport", "set_srtp"])
async def test_a_command_that_failed_fails_the_connection(bridge: Bridge, command: str) -> None:
    client = Client(bridge)
    await client.publish()
    bridge.core.emit(type="command_failed", command=command, id=client.transport_id, message="too many transports")
    await client.wait_for(ConnectionState.FAILED)


async def test_data_channels_are_ignored(bridge: Bridge) -> None:
    client = Client(bridge)
    await client.publish()
    await client.shake_hands()
    client.endpoint._connection.send(b"sctp")
    client.send()
    await settle()
    assert client.recorder.events[-1][2] is ConnectionState.CONNECTED
