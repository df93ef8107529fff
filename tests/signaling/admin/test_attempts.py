"""How often somebody may try to sign in."""

from __future__ import annotations

from bridge.signaling.admin.attempts import BURST, MAX_NETWORKS, PER_SECOND, Attempts


def test_each_network_has_a_measure_of_its_own() -> None:
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    assert [attempts.take("192.0.2.1") for _ in range(BURST + 1)] == [True] * BURST + [False]
    assert attempts.take("192.0.2.2")
    assert attempts.take("2001:db8::1")
    assert [attempts.take(f"2001:db8::{each}") for each in range(2, BURST + 2)][-1] is False
    assert not attempts.take("::ffff:192.0.2.1")
    assert attempts.take("nonsense")
    now[0] += 1 / PER_SECOND
    assert attempts.take("192.0.2.1")


def test_networks_are_forgotten_when_there_are_too_many() -> None:
    attempts = Attempts(lambda: 0.0)
    for each in range(MAX_NETWORKS + 100):
        attempts.take(f"10.0.{each // 256}.{each % 256}")
    assert len(attempts._limits) == MAX_NETWORKS
