"""Certificates renew themselves."""

from __future__ import annotations

import datetime

from bridge.sfu.certificate import RENEW_AFTER, CertificateStore

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime.datetime:
        return self.now


def test_the_same_certificate_serves_until_it_is_old() -> None:
    clock = Clock()
    store = CertificateStore(clock)
    first = store.current()
    clock.now += RENEW_AFTER - datetime.timedelta(seconds=1)
    assert store.current() is first


def test_an_old_certificate_is_replaced_and_lives_on_for_those_who_have_it() -> None:
    clock = Clock()
    store = CertificateStore(clock)
    first = store.current()
    clock.now += RENEW_AFTER
    second = store.current()
    assert second is not first
    assert second.fingerprint != first.fingerprint
    assert store.current() is second


def test_a_clock_set_back_makes_a_certificate_that_is_valid_now() -> None:
    clock = Clock()
    store = CertificateStore(clock)
    first = store.current()
    clock.now -= datetime.timedelta(days=10)
    assert store.current() is not first


def test_fingerprints_are_written_as_in_sdp() -> None:
    made = CertificateStore(Clock()).current().fingerprint
    assert made.algorithm == "sha-256"
    assert len(made.value.split(":")) == 32
    assert made.value == made.value.upper()
