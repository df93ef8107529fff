"""Credentials, candidates and fragments of ICE."""

from __future__ import annotations

import contextlib
import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.sfu import ice, interfaces
from bridge.sfu.sdp.error import SdpError

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


def test_announced_addresses_replace_those_listened_on() -> None:
    listened = ["0.0.0.0:3478", "[::]:3479"]
    assert ice.host_addresses(listened, ["203.0.113.5", "2001:db8::5"]) == [
        (ipaddress.ip_address("203.0.113.5"), 3478),
        (ipaddress.ip_address("2001:db8::5"), 3479),
    ]


def test_an_announced_address_without_a_socket_of_its_family_is_left_out() -> None:
    assert ice.host_addresses(["127.0.0.1:3478"], ["2001:db8::5"]) == []


def test_listening_everywhere_announces_every_address_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interfaces, "addresses", lambda version: [V4] if version == 4 else [V6])
    assert ice.host_addresses(["0.0.0.0:1", "[::]:2", "192.0.2.1:1"], []) == [(V4, 1), (V6, 2)]


def test_this_hosts_own_addresses_are_found() -> None:
    assert all(isinstance(address, ipaddress.IPv4Address) for address in interfaces.addresses(4))
    assert interfaces.addresses(4)


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
