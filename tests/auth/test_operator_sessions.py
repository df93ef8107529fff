"""How long an operator's sign-in lasts, and how many there are."""

from __future__ import annotations

from bridge.auth import operator_sessions
from bridge.auth.operator_sessions import OperatorSessions


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
