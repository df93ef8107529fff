"""What `--dev` makes of the settings."""

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bridge import development, ports
from bridge.auth.operator_keys import OperatorKeys
from bridge.auth.printed_keys import OPERATOR_KEY, refuse_printed_keys
from bridge.configuration import Address, parse_address
from bridge.errors import BridgeError
from bridge.settings import DataSettings, HttpSettings, MediaSection, Settings

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Gives this machine the addresses that it is told to have, all free but those it is told are not."""

    def has(*hosts: str, taken: str = "") -> None:
        found = [ipaddress.ip_address(host) for host in hosts]

        def addresses(version: int) -> list[IpAddress]:
            own = [address for address in found if address.version == version]
            return own or [ipaddress.ip_address("127.0.0.1" if version == 4 else "::1")]

        def why_not(address: Address, kind: socket.SocketKind) -> str | None:
            return "in use" if str(address) == taken and kind == socket.SOCK_STREAM else None

        monkeypatch.setattr(development, "addresses", addresses)
        monkeypatch.setattr(ports, "why_not", why_not)

    return has


def prepare(tmp_path: Path, *listen: str, http: str = "127.0.0.1:8080", **media: object) -> development.Development:
    section = replace(MediaSection(), listen=tuple(map(parse_address, listen)), **media)  # type: ignore[arg-type]
    settings = Settings(http=HttpSettings(parse_address(http)), media=section, data=DataSettings(tmp_path))
    return development.prepare(settings, insecure=False)


def listens(prepared: development.Development) -> list[str]:
    return [str(address) for address in prepared.settings.media.listen]


def test_media_on_loopback_is_reached_by_firefox_over_the_machines_own_addresses(
    tmp_path: Path, machine: Callable[..., None]
) -> None:
    machine("192.0.2.7", "198.51.100.7", "2001:db8::7")
    both = prepare(tmp_path, "127.0.0.1:3478", "[::1]:3478")
    added = ["192.0.2.7:3478", "198.51.100.7:3478", "[2001:db8::7]:3478"]
    assert listens(both) == ["127.0.0.1:3478", "[::1]:3478", *added]
    assert both.media.endswith(
        "[::1]:3478, and 192.0.2.7:3478 and 198.51.100.7:3478 and [2001:db8::7]:3478 for Firefox."
    )
    assert listens(prepare(tmp_path, "127.0.0.1:3478")) == ["127.0.0.1:3478", *added[:2]]


def test_a_machine_without_another_address_has_media_on_loopback_only(
    tmp_path: Path, machine: Callable[..., None]
) -> None:
    machine()
    prepared = prepare(tmp_path, "127.0.0.1:3478")
    assert listens(prepared) == ["127.0.0.1:3478"]
    assert "only, which Firefox does not use (this machine has no other address)" in prepared.media


def test_an_address_that_cannot_be_added_is_left_out_and_named(tmp_path: Path, machine: Callable[..., None]) -> None:
    machine("192.0.2.7", taken="192.0.2.7:3479")
    # With one worker the second port is not needed.
    assert listens(prepare(tmp_path, "127.0.0.1:3478")) == ["127.0.0.1:3478", "192.0.2.7:3478"]
    assert listens(prepare(tmp_path, "127.0.0.1:3478", workers=2, tcp=False)) == ["127.0.0.1:3478", "192.0.2.7:3478"]
    prepared = prepare(tmp_path, "127.0.0.1:3478", workers=2)
    assert listens(prepared) == ["127.0.0.1:3478"]
    assert "(192.0.2.7:3479: in use)" in prepared.media


@pytest.mark.parametrize("listen", ["192.0.2.7:3478", "0.0.0.0:3478"])
def test_media_that_listens_elsewhere_stays_there(tmp_path: Path, machine: Callable[..., None], listen: str) -> None:
    machine("192.0.2.7", "198.51.100.7")
    prepared = prepare(tmp_path, listen)
    assert listens(prepared) == [listen]
    assert prepared.media == f"Media flows over {listen}."


def test_media_that_announces_other_addresses_stays_where_it_is(tmp_path: Path, machine: Callable[..., None]) -> None:
    machine("192.0.2.7")
    assert listens(prepare(tmp_path, "127.0.0.1:3478", announced=("203.0.113.1",))) == ["127.0.0.1:3478"]


def test_a_page_for_the_network_takes_media_along(tmp_path: Path, machine: Callable[..., None]) -> None:
    machine("192.0.2.7")
    prepared = prepare(tmp_path, "127.0.0.1:3478", http="0.0.0.0:8443")
    assert listens(prepared) == ["0.0.0.0:3478"]
    assert prepared.settings.http.tls_certificate is not None


def test_the_operators_link_holds_the_same_key_until_it_is_revoked(tmp_path: Path) -> None:
    settings = Settings(data=DataSettings(tmp_path))
    noted: list[str] = []
    link = development.operator_link(settings, 8080, noted.append)
    assert development.operator_link(settings, 8080, noted.append) == link
    [key_id] = noted
    base, _, text = link.partition("/admin#")
    assert base == "http://127.0.0.1:8080"
    key = OperatorKeys(tmp_path).find(text)
    assert key is not None
    assert key.id == key_id
    assert (tmp_path / OPERATOR_KEY).stat().st_mode & 0o077 == 0
    with pytest.raises(BridgeError, match=f"operator revoke --id {key_id}"):
        refuse_printed_keys(tmp_path)
    OperatorKeys(tmp_path).revoke(key_id)
    refuse_printed_keys(tmp_path)
    assert development.operator_link(settings, 8080, noted.append) != link
