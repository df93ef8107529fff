"""Datagram borders of DTLS flights."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.sfu.dtls_records import HEADER_LENGTH, pack


def record(length: int) -> bytes:
    return bytes([22, 254, 253]) + bytes(8) + length.to_bytes(2, "big") + b"x" * length


def test_records_that_fit_share_a_datagram() -> None:
    assert pack(record(80) + record(150)) == [record(80) + record(150)]


def test_a_flight_is_cut_between_records() -> None:
    assert pack(record(800) + record(300) + record(200)) == [record(800) + record(300), record(200)]


def test_a_record_longer_than_the_mtu_travels_alone() -> None:
    assert pack(record(10) + record(1300) + record(10)) == [record(10), record(1300), record(10)]


def test_nothing_makes_no_datagram() -> None:
    assert pack(b"") == []


@pytest.mark.parametrize("cut", [1, HEADER_LENGTH, HEADER_LENGTH + 5])
def test_a_torn_record_is_an_error(cut: int) -> None:
    with pytest.raises(ValueError, match="inside a DTLS record"):
        pack(record(20)[:-1] if cut == 1 else record(20)[:cut])


@given(st.lists(st.integers(0, 1400), max_size=30))
def test_nothing_is_lost_and_datagrams_fit(lengths: list[int]) -> None:
    flight = b"".join(map(record, lengths))
    datagrams = pack(flight, 1200)
    assert b"".join(datagrams) == flight
    for datagram in datagrams:
        first = HEADER_LENGTH + int.from_bytes(datagram[11:13], "big")
        assert len(datagram) <= 1200 or len(datagram) == first
