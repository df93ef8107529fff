"""Credentials, candidates and fragments of ICE."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.sfu import ice, interfaces
from bridge.sfu.sdp.error import SdpError
from tests.support.namespace import may_make_networks, own_network, run

V4, V6 = ipaddress.IPv4Address("192.0.2.1"), ipaddress.IPv6Address("2001:db8::1")


def test_credentials_are_what_the_grammar_allows_and_never_the_same() -> None:
    made = {ice.Credentials.make() for _ in range(100)}
    assert len(made) == 100
    for credentials in made:
        assert re.fullmatch(r"[A-Za-z0-9+/]{12}", credentials.ufrag)
        assert re.fullmatch(r"[A-Za-z0-9+/]{24}", credentials.pwd)


def priorities(lines: tuple[str, ...]) -> list[int]:
    return [int(line.split()[3]) for line in lines]


def test_udp_wins_over_tcp_and_the_first_address_over_the_next() -> None:
    lines = ice.candidates([(V4, 3478), (V6, 3478)], tcp=True)
    assert lines[0] == "udp0 1 udp 2130706431 192.0.2.1 3478 typ host"
    assert lines[3].endswith(" 2001:db8::1 3478 typ host tcptype passive")
    assert priorities(lines) == sorted(priorities(lines), reverse=True)
    assert len(set(priorities(lines))) == 4


def test_tcp_can_be_left_out() -> None:
    assert len(ice.candidates([(V4, 3478)], tcp=False)) == 1


@pytest.mark.parametrize("text", ["192.0.2.1:3478", "[2001:db8::1]:0"])
def test_addresses_are_read_as_they_are_written(text: str) -> None:
    assert ice.format_address(*ice.parse_address(text)) == text


@pytest.mark.parametrize("text", ["192.0.2.1", "192.0.2.1:", "192.0.2.1:70000", "host:1", "2001:db8::1:1", ""])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ice.parse_address(text)


@pytest.fixture
def own() -> Iterator[None]:
    with own_network():
        yield


def test_announced_addresses_replace_those_listened_on() -> None:
    listened = ["0.0.0.0:3478", "[::]:3479"]
    assert ice.host_addresses(listened, ["203.0.113.5", "2001:db8::5"]) == [
        (ipaddress.ip_address("203.0.113.5"), 3478),
        (ipaddress.ip_address("2001:db8::5"), 3479),
    ]


def test_an_announced_address_without_a_socket_of_its_family_is_left_out() -> None:
    assert ice.host_addresses(["127.0.0.1:3478"], ["2001:db8::5"]) == []
    assert ice.host_addresses(["[2001:db8::1]:3478"], ["203.0.113.5"]) == []


def test_listening_everywhere_announces_every_address_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interfaces, "addresses", lambda version: [V4] if version == 4 else [V6])
    assert ice.host_addresses(["0.0.0.0:1", "[::]:2", "192.0.2.1:1"], []) == [(V4, 1), (V6, 2)]


def test_a_socket_for_both_families_serves_ipv4_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interfaces, "addresses", lambda version: [V4] if version == 4 else [V6])
    assert ice.host_addresses(["[::]:2"], []) == [(V6, 2), (V4, 2)]
    outer = ["203.0.113.5", "2001:db8::5"]
    assert ice.host_addresses(["[::]:2"], outer) == [(ipaddress.ip_address(each), 2) for each in outer]


def test_loopback_is_announced_where_there_is_nothing_else_or_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    loopback = ipaddress.ip_address("127.0.0.1")
    monkeypatch.setattr(interfaces, "addresses", lambda version: [loopback] if version == 4 else [V6])
    assert ice.host_addresses(["[::]:2"], []) == [(V6, 2)]
    assert ice.host_addresses(["0.0.0.0:2"], []) == [(loopback, 2)]
    assert ice.host_addresses(["127.0.0.1:1", "[::]:2"], []) == [(loopback, 1), (V6, 2)]


def test_this_hosts_own_addresses_are_found() -> None:
    assert all(isinstance(address, ipaddress.IPv4Address) for address in interfaces.addresses(4))
    assert interfaces.addresses(4)


@pytest.mark.skipif(not may_make_networks(), reason="needs a network namespace of its own")
def test_every_address_of_an_interface_is_found_the_first_ones_first(own: None) -> None:
    run("ip", "link", "set", "bridge1", "down")
    for address, device in (
        ("198.51.100.2/24", "bridge0"),
        ("169.254.7.7/16", "bridge0"),
        ("203.0.113.1/24", "bridge1"),
        ("203.0.113.2/32", "bridge1"),
    ):
        run("ip", "address", "add", address, "dev", device)
    run("ip", "address", "add", "198.51.100.3/24", "dev", "bridge0", "label", "bridge0:3")
    found = [str(address) for address in interfaces.addresses(4)]
    assert found == ["198.51.100.1", "198.51.100.2", "198.51.100.3"], "an interface that is down has none"
    run("ip", "link", "set", "bridge1", "up")
    for address, device in (("2001:db8:1::1/64", "bridge1"), ("2001:db8::2/64", "bridge0")):
        run("ip", "address", "add", address, "dev", device, "nodad")
    # The end of a pair that was made second is the interface before it.
    ours = ["203.0.113.1", "198.51.100.1", "203.0.113.2", "198.51.100.2", "198.51.100.3"]
    assert [str(address) for address in interfaces.addresses(4)] == ours
    assert [str(address) for address in interfaces.addresses(6)] == ["2001:db8:1::1", "2001:db8::1", "2001:db8::2"]
    for last in range(100, 200):
        run("ip", "address", "add", f"198.51.100.{last}/24", "dev", "bridge0")
    found = [str(address) for address in interfaces.addresses(4)]
    assert len(found) == interfaces.MAX_ADDRESSES
    assert found[:5] == ours


@pytest.mark.skipif(not may_make_networks(), reason="needs a network namespace of its own")
def test_loopback_is_for_a_host_that_has_nothing_else(own: None) -> None:
    run("ip", "link", "delete", "bridge0")
    assert [str(address) for address in interfaces.addresses(4)] == ["127.0.0.1"]
    assert [str(address) for address in interfaces.addresses(6)] == ["::1"]


@pytest.mark.parametrize(
    "fragment",
    [
        "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n",
        "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
        "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n",
        "a=ice-ufrag:EsAw\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\nm=audio 9 RTP/AVP 0\na=mid:0\na=end-of-candidates",
    ],
)
def test_fragments_tell_credentials(fragment: str) -> None:
    assert ice.read_fragment(fragment).credentials == ice.Credentials("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1")


def test_a_fragment_of_candidates_only() -> None:
    said = ice.read_fragment("m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host")
    assert said == ice.Fragment(None, None, trickles=True)


@pytest.mark.parametrize(
    ("fragment", "line", "complaint"),
    [
        ("a=ice-ufrag:EsAw\r\n", 1, "a=ice-ufrag without a=ice-pwd"),
        ("m=audio 9 RTP/AVP 0\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n", 2, "a=ice-pwd without a=ice-ufrag"),
        ("a=ice-ufrag:EsAw\r\nm=audio 9 RTP/AVP 0\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1", 1, "without a=ice-pwd"),
    ],
)
def test_half_of_the_credentials_is_refused(fragment: str, line: int, complaint: str) -> None:
    with pytest.raises(SdpError, match=complaint) as refused:
        ice.read_fragment(fragment)
    assert refused.value.field == f"line {line}"


def test_errors_count_the_fragments_own_lines() -> None:
    with pytest.raises(SdpError) as caught:
        ice.read_fragment("a=ice-ufrag:EsAw\r\na=ice-pwd:short\r\n")
    assert caught.value.line == 2


@given(st.text(max_size=200))
def test_any_fragment_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(SdpError):
        ice.read_fragment(text)


def test_a_written_fragment_can_be_read() -> None:
    credentials = ice.Credentials.make()
    text = ice.write_fragment(credentials, "0", "audio", ice.candidates([(V4, 3478)], tcp=True))
    assert ice.read_fragment(text) == ice.Fragment(credentials, 2, trickles=True)
    assert text.startswith("a=ice-lite\r\n")
    assert "a=end-of-candidates\r\n" in text
