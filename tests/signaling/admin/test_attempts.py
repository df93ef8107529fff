"""How often somebody may try to sign in; and how long a sign-in lasts."""

from __future__ import annotations

from bridge.auth import operator_sessions
from bridge.auth.operator_sessions import OperatorSessions
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


def test_a_session_ends_when_it_rests_and_when_it_is_old() -> None:
    now = [1000.0]
    sessions = OperatorSessions(idle=60.0, lifetime=150.0, clock=lambda: now[0])
    cookie, session = sessions.open("key")
    assert sessions.find(cookie) is session
    assert cookie not in repr(session)
    assert sessions.find("another") is None
    assert sessions.find(None) is None
    for _ in range(2):
        now[0] += 59
        assert sessions.find(cookie) is session
    now[0] += 59
    assert sessions.find(cookie) is None
    resting, _ = sessions.open("key")
    now[0] += 60
    assert sessions.find(resting) is None


def test_there_are_only_so_many_sessions() -> None:
    sessions = OperatorSessions(idle=60.0, lifetime=150.0, clock=lambda: 0.0)
    cookies = [sessions.open("key")[0] for _ in range(operator_sessions.MAX_SESSIONS + 1)]
    assert sessions.find(cookies[0]) is None
    assert sessions.find(cookies[1]) is not None
