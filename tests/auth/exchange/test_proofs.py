"""Proofs of possession, and the small tables behind them."""

from __future__ import annotations

import contextlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.auth.exchange import ExchangeError, Expected, Nonces, ProofChecker, ReplayCache
from bridge.auth.exchange.access_token import check_claims
from bridge.auth.exchange.dpop import normal
from bridge.auth.oidc import SigningKey
from bridge.auth.oidc.signed import BadTokenError

NONCES = Nonces(b"k" * 32)
KEY = SigningKey.generate()
URL = "https://bridge.example/v1/token/portal"
NOW = 1_790_000_000.0
TEXT = st.text(st.characters(), max_size=20)
"""Lone surrogates too: JSON may hold them."""
JSON = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.lists(TEXT, max_size=3)


def check(proof: str, checker: ProofChecker | None = None) -> None:
    checker = checker or ProofChecker(NONCES, ReplayCache())
    checker.check(proof, method="POST", url=URL, token="token", thumbprint=KEY.thumbprint, now=NOW)


@given(st.text(st.characters(), max_size=200))
def test_any_text_as_proof_is_refused(proof: str) -> None:
    with pytest.raises(ExchangeError):
        check(proof)


@given(st.dictionaries(st.sampled_from(["typ", "alg", "jwk", "crit", "b64"]), JSON))
def test_any_header_of_a_proof_is_refused(header: dict[str, Any]) -> None:
    first = urlsafe_b64encode(json.dumps({"typ": "dpop+jwt", **header}).encode()).rstrip(b"=").decode()
    with pytest.raises(ExchangeError):
        check(f"{first}.e30.AAAA")


@given(st.sampled_from(["htm", "htu", "ath", "iat", "jti", "nonce"]), JSON)
def test_any_claim_of_a_proof_is_taken_or_refused(name: str, value: Any) -> None:
    good = KEY.proof("POST", URL, NOW, nonce=NONCES.current(NOW), token="token")
    check(good)
    claims = json.loads(_part(good, 1))
    header = json.loads(_part(good, 0))
    with contextlib.suppress(ExchangeError):
        check(KEY.sign({"typ": "dpop+jwt", "jwk": header["jwk"]}, {**claims, name: value}))
        assert name in ("jti", "iat") or value == claims[name]


def _part(token: str, index: int) -> bytes:
    part = token.split(".")[index]
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://bridge.example/v1/token/portal", "HTTPS://BRIDGE.example:443/v1/token/portal?x=1#y"),
        ("http://127.0.0.1:80/", "http://127.0.0.1"),
        ("https://[::1]:8443/a", "https://[::1]:8443/a"),
    ],
)
def test_addresses_are_compared_in_their_normal_form(one: str, other: str) -> None:
    assert normal(one) == normal(other)


@given(st.text(st.characters()))
def test_any_text_has_a_normal_form(text: str) -> None:
    assert isinstance(normal(text), str)


def test_a_nonce_is_good_for_a_minute_or_two() -> None:
    nonce = NONCES.current(NOW)
    assert NONCES.knows(nonce, NOW + 59)
    assert not NONCES.knows(nonce, NOW + 121)
    assert not NONCES.knows(nonce, NOW - 61)
    assert not Nonces(b"x" * 32).knows(nonce, NOW)
    assert not NONCES.knows("ÆØÅ\udcff", NOW)


def test_what_was_used_is_remembered_as_long_as_it_could_be_used_again_and_within_bounds() -> None:
    cache = ReplayCache(max_entries=2)
    assert cache.use("a", 0.0, 10.0)
    assert not cache.use("a", 9.0, 19.0)
    assert cache.use("a", 10.0, 20.0)
    assert cache.use("b", 11.0, 21.0)
    assert not cache.use("c", 12.0, 22.0), "better no than twice"
    assert len(cache) == 2
    assert cache.use("c", 20.0, 30.0)


CLAIMS: dict[str, Any] = {"iss": "i", "aud": "a", "exp": 2000, "iat": 1000, "nbf": 1000, "scope": "x bridge:join"}
EXPECTED = Expected("a", frozenset({"bridge:join"}))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"iss": "i/"}, "iss"),
        ({"aud": ["a", "b"]}, "aud"),
        ({"aud": "b"}, "aud"),
        ({"exp": 995}, "exp"),
        ({"nbf": 1007}, "nbf"),
        ({"iat": 1007}, "iat"),
        ({"exp": None}, "exp"),
        ({"scope": "bridge:joined"}, "scope"),
        ({"scope": None}, "scope"),
        ({"scope": [["bridge:join"]]}, "scope"),
    ],
)
def test_an_access_token_of_something_else_is_refused(changes: dict[str, Any], field: str) -> None:
    for good in ({}, {"aud": ["a"]}, {"scope": ["bridge:join"]}, {"nbf": 1006}, {"iat": 1006}, {"exp": 997}):
        check_claims({**CLAIMS, **good}, issuer="i", expected=EXPECTED, now=1001.0)
    with pytest.raises(BadTokenError) as refusal:
        check_claims({**CLAIMS, **changes}, issuer="i", expected=EXPECTED, now=1001.0)
    assert refusal.value.field == field


@given(st.sampled_from(sorted(CLAIMS)), JSON)
def test_any_claim_of_an_access_token_is_taken_or_refused(name: str, value: Any) -> None:
    with contextlib.suppress(BadTokenError):
        check_claims({**CLAIMS, name: value}, issuer="i", expected=EXPECTED, now=1001.0)
