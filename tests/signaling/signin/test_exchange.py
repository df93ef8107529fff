"""A portal on openid-client exchanges HelseID's access tokens, and what thieves and the careless get instead."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx
import jwt
import pytest
from joserfc.jwk import ECKey, RSAKey

from bridge.auth.oidc import SigningKey
from bridge.auth.oidc.keys import token_hash
from tests.auth.oidc.counterpart import Counterpart, Portal
from tests.signaling.signin.house import House
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def doctor(helseid: Counterpart) -> dict[str, Any]:
    """An access token of Line at level 4, and the key that it is bound to."""
    return Portal(helseid).sign_in("line", "4")


@pytest.fixture
def at(house: House) -> str:
    return f"{house.base}/v1/token/portal"


def proof(token: str, url: str, key: SigningKey, *, age: int = 0, **changes: Any) -> str:
    """A proof of possession that is good but for the changes; `typ` and `jwk` go into the header, None takes out.

    `age` is in seconds.
    """
    header = {"typ": changes.pop("typ", "dpop+jwt"), "jwk": changes.pop("jwk", key.key.as_dict(private=False))}
    header = {name: value for name, value in header.items() if value is not None}
    made = int(time.time()) - age
    claims = {"htm": "POST", "htu": url, "iat": made, "jti": f"{time.time_ns()}", "ath": token_hash(token), **changes}
    return key.sign(header, {name: value for name, value in claims.items() if value is not None})


async def ask(
    url: str, token: str, proofs: list[str] | None = None, **changes: str
) -> tuple[int, dict[str, Any], httpx.Headers]:
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "room": "time-1",
        "role": "fastlege",
        **changes,
    }
    headers = [("DPoP", each) for each in proofs or []]
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        response = await client.post(url, data=form, headers=headers)
    return response.status_code, response.json(), response.headers


async def nonce(url: str, token: str, key: SigningKey) -> str:
    status, answer, headers = await ask(url, token, [proof(token, url, key)])
    assert (status, answer["error"]) == (400, "use_dpop_nonce")
    return headers["dpop-nonce"]


def key_of(doctor: dict[str, Any]) -> SigningKey:
    return SigningKey(ECKey.import_key(doctor["key"]), "ES256")


async def test_a_portal_exchanges_by_a_library_that_nobody_here_wrote(
    house: House, helseid: Counterpart, at: str
) -> None:
    portal = Portal(helseid)
    result = await asyncio.to_thread(portal.sign_in, "line", "4", at, room="time-1", role="fastlege")
    assert result["status"] == 200, result
    answer = result["answer"]
    assert (answer["issued_token_type"], answer["token_type"]) == ("urn:ietf:params:oauth:token-type:jwt", "N_A")
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert (claims["iss"], claims["room"], claims["role"]) == ("urn:bridge:signin:dev", "time-1", "fastlege")
    assert (claims["level"], claims["name"]) == ("high", "Line Danser")
    assert "11905299903" not in json.dumps(claims)


async def test_a_proof_serves_once(doctor: dict[str, Any], at: str) -> None:
    token, key = doctor["access_token"], key_of(doctor)
    once = proof(token, at, key, nonce=await nonce(at, token, key))
    assert (await ask(at, token, [once]))[0] == 200
    status, answer, _ = await ask(at, token, [once])
    assert (status, answer["error"], answer["field"]) == (400, "invalid_dpop_proof", "jti")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"htu": "https://elsewhere.example/v1/token/portal"}, "htu"),
        ({"htu": None}, "htu"),
        ({"htm": "GET"}, "htm"),
        ({"ath": token_hash("another")}, "ath"),
        ({"ath": None}, "ath"),
        ({"age": 600}, "iat"),
        ({"age": -600}, "iat"),
        ({"iat": None}, "iat"),
        ({"jti": None}, "jti"),
        ({"typ": "JWT"}, "typ"),
        ({"jwk": None}, "jwk"),
        ({"jwk": {"kty": "oct", "k": "AAAA"}}, "jwk"),
    ],
)
async def test_a_proof_for_something_else_is_refused(
    doctor: dict[str, Any], at: str, changes: dict[str, Any], field: str
) -> None:
    token, key = doctor["access_token"], key_of(doctor)
    bad = proof(token, at, key, nonce=await nonce(at, token, key), **changes)
    status, answer, _ = await ask(at, token, [bad])
    assert (status, answer["error"], answer["field"]) == (400, "invalid_dpop_proof", field)


async def test_a_stolen_token_is_worth_nothing_without_its_key(doctor: dict[str, Any], at: str) -> None:
    token, thief = doctor["access_token"], SigningKey.generate()
    good = await nonce(at, token, key_of(doctor))
    status, answer, _ = await ask(at, token, [proof(token, at, thief, nonce=good)])
    assert (status, answer["error"], answer["field"]) == (400, "invalid_dpop_proof", "jwk")
    private = proof(token, at, thief, nonce=good, jwk=thief.key.as_dict(private=True))
    assert (await ask(at, token, [private]))[1]["field"] == "jwk"


async def test_an_endpoint_takes_proofs_or_bearers_and_never_both(
    house: House, doctor: dict[str, Any], at: str
) -> None:
    token, key = doctor["access_token"], key_of(doctor)
    assert (await ask(at, token))[1]["error"] == "invalid_dpop_proof"
    good = proof(token, at, key, nonce=await nonce(at, token, key))
    assert (await ask(at, token, [good, good]))[1]["field"] == "DPoP"
    bearer = f"{house.base}/v1/token/bearer"
    # Bound to a key, and presented without it: the downgrade of RFC 9449, section 7.2.
    assert (await ask(bearer, token))[1]["field"] == "subject_token"
    assert (await ask(bearer, token, [good]))[1]["field"] == "DPoP"


async def test_a_token_for_another_service_is_refused(house: House, doctor: dict[str, Any]) -> None:
    token = doctor["access_token"]
    url = f"{house.base}/v1/token/other"
    status, answer, _ = await ask(url, token, [proof(token, url, key_of(doctor))])
    assert (status, answer["error"], answer["field"]) == (400, "invalid_request", "subject_token.aud")


async def test_a_token_that_is_no_access_token_is_refused(house: House, doctor: dict[str, Any], at: str) -> None:
    key = SigningKey(RSAKey.generate_key(2048), "RS256", "helseid-RS256")
    claims = jwt.decode(doctor["access_token"], options={"verify_signature": False})
    forged = key.sign({"typ": "at+jwt"}, claims)
    plain = jwt.encode(claims, "", algorithm="none", headers={"typ": "at+jwt"})
    confused = jwt.encode(
        claims, "a public key, of which some libraries made a secret", algorithm="HS256", headers={"typ": "at+jwt"}
    )
    for token, field in (
        (forged, "signature"),
        (plain, "alg"),
        (confused, "alg"),
        (key.sign({"typ": "JWT"}, claims), "typ"),
        ("nonsense", "token"),
    ):
        answer = (await ask(at, token, [proof(token, at, key_of(doctor))]))[1]
        assert (answer["error"], answer["field"]) == ("invalid_request", f"subject_token.{field}")


async def test_scope_and_level_are_needed(house: House, helseid: Counterpart, at: str) -> None:
    portal = Portal(helseid)
    other = portal.sign_in("line", "4", scope="bridge:none")
    answer = (await ask(at, other["access_token"], [proof(other["access_token"], at, key_of(other))]))[1]
    assert answer["field"] == "subject_token.scope"
    low = portal.sign_in("ola", "3")
    token, key = low["access_token"], key_of(low)
    answer = (await ask(at, token, [proof(token, at, key, nonce=await nonce(at, token, key))]))[1]
    assert answer["error"] == "insufficient_user_authentication"


async def test_other_roles_take_an_invitation_of_the_person(house: House, doctor: dict[str, Any], at: str) -> None:
    token, key = doctor["access_token"], key_of(doctor)
    good = await nonce(at, token, key)

    async def try_as(role: str, room: str = "time-1") -> str:
        status, answer, _ = await ask(at, token, [proof(token, at, key, nonce=good)], role=role, room=room)
        return "in" if status == 200 else str(answer["error"])

    assert await try_as("spesialist") == "access_denied"
    await house.vendor.invite(role="spesialist", hpr_number="999999999")
    assert await try_as("spesialist") == "access_denied"
    await house.vendor.invite(role="spesialist", hpr_number="431001110")
    assert await try_as("spesialist") == "in"
    assert await try_as("spesialist", "time-2") == "access_denied"
    status, answer, _ = await ask(at, token, [proof(token, at, key, nonce=good)], role="no-such-role", room="time-1")
    assert (status, answer["error"], answer["field"]) == (400, "invalid_request", "role")
    assert "spesialist" in answer["hint"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"room": "../other"}, "invalid_request"),
        ({"room": "", "grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"role": ""}, "invalid_request"),
        ({"subject_token": ""}, "invalid_request"),
    ],
)
async def test_what_is_no_exchange_is_refused(
    house: House, doctor: dict[str, Any], at: str, changes: dict[str, str], error: str
) -> None:
    status, answer, _ = await ask(at, **{"token": doctor["access_token"], **changes})
    assert (status, answer["error"]) == (400, error)
