"""Finding out whether a port is free, against the real kernel."""

import socket

from bridge.configuration import Address
from bridge.ports import media_addresses, why_not
from bridge.settings import MediaSection


def test_a_port_in_use_is_said_to_be() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        assert why_not(address, socket.SOCK_STREAM) == "in use"
        assert why_not(address, socket.SOCK_DGRAM) is None


def test_an_address_of_another_machine_is_refused_with_the_systems_words() -> None:
    assert why_not(Address("198.51.100.254", 0), socket.SOCK_DGRAM) == "Cannot assign requested address"


def test_each_worker_has_a_port_of_its_own_for_udp_and_tcp() -> None:
    udp, tcp = socket.SOCK_DGRAM, socket.SOCK_STREAM
    first = Address("127.0.0.1", 3478)
    second = Address("127.0.0.1", 3479)
    assert list(media_addresses(MediaSection(workers=2), first)) == [
        (first, udp),
        (first, tcp),
        (second, udp),
        (second, tcp),
    ]
    # Port 0 lets the system choose.
    free = Address("127.0.0.1", 0)
    assert list(media_addresses(MediaSection(workers=2, tcp=False), free)) == [(free, udp), (free, udp)]
