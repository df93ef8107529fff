"""What providers and strangers send is read or refused by a typed error, whatever it is."""

from __future__ import annotations

import contextlib
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from bridge.auth.errors import KeyMaterialError
from bridge.auth.levels import Level
from bridge.auth.oidc import Answer, Kind, Provider, SignInError, SigningKey, is_safe
from bridge.auth.oidc.discovery import Discovery, parse_keys, parse_metadata
from bridge.auth.oidc.id_token import check_claims
from bridge.auth.oidc.provider import ASSURANCE_LEVEL, SECURITY_LEVEL
from bridge.auth.oidc.signed import BadTokenError, read_header, verify

ISSUER = "https://idporten.no"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
METADATA: dict[str, Any] = {
    "issuer": ISSUER,
    "authorization_endpoint": "https://login.idporten.no/authorize",
    "token_endpoint": "https://idporten.no/token",
    "jwks_uri": "https://idporten.no/jwks.json",
    "pushed_authorization_request_endpoint": "https://idporten.no/par",
    "end_session_endpoint": "https://login.idporten.no/logout",
    "authorization_response_iss_parameter_supported": True,
}
KEY = SigningKey.generate()


def provider(kind: Kind = "id-porten", **changes: Any) -> Provider:
    return Provider(id="p", kind=kind, title="P", issuer=ISSUER, client_id="bridge", **changes)


@given(st.sampled_from(sorted(METADATA)), JSON)
def test_any_metadata_is_read_or_refused(name: str, value: Any) -> None:
    with contextlib.suppress(SignInError):
        endpoints = parse_metadata({**METADATA, name: value}, ISSUER, pushes=True)
        assert all(is_safe(url) for url in (endpoints.authorization, endpoints.token, endpoints.jwks))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issuer", f"{ISSUER}/"),
        ("token_endpoint", "http://idporten.no/token"),
        ("token_endpoint", "https://user@idporten.no/token"),
        ("jwks_uri", None),
        ("pushed_authorization_request_endpoint", None),
        ("end_session_endpoint", "javascript:alert(1)"),
    ],
)
def test_metadata_that_would_lead_astray_is_refused(name: str, value: object) -> None:
    with pytest.raises(SignInError, match=r"signin|cannot"):
        parse_metadata({**METADATA, name: value}, ISSUER, pushes=True)


JWK = st.fixed_dictionaries(
    {"kty": st.sampled_from(["RSA", "EC", "OKP", "oct"])},
    optional=dict.fromkeys(("n", "e", "x", "y", "crv", "kid", "use", "alg", "k", "key_ops"), JSON),
)


@given(JSON | st.lists(JWK))
def test_any_key_set_is_read_or_refused(keys: Any) -> None:
    with contextlib.suppress(SignInError):
        assert parse_keys({"keys": keys})


def test_only_public_keys_of_strength_for_signatures_are_taken() -> None:
    good = ECKey.generate_key("P-256", {"kid": "good"})
    entries = [
        good.as_dict(private=False),
        ECKey.generate_key("P-256").as_dict(private=True),
        OctKey.generate_key(256).as_dict(),
        {**ECKey.generate_key("P-256").as_dict(private=False), "use": "enc"},
        _weak_rsa(),
        {"kty": "unheard of"},
        "no key",
    ]
    assert [key.kid for key in parse_keys({"keys": entries})] == ["good"]


def _weak_rsa() -> Mapping[str, Any]:
    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()
    modulus = urlsafe_b64encode(numbers.n.to_bytes(128, "big")).rstrip(b"=").decode()
    return {"kty": "RSA", "n": modulus, "e": "AQAB"}


@given(st.text(st.characters()) | st.binary().map(lambda raw: urlsafe_b64encode(raw).decode() + ".x.y"))
def test_any_token_is_read_or_refused(token: str) -> None:
    with contextlib.suppress(BadTokenError):
        assert isinstance(read_header(token), dict)
    with pytest.raises(BadTokenError):
        verify(token, [KEY.key], ["ES256"])


@given(JSON)
def test_any_header_is_read_or_refused(header: Any) -> None:
    first = urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    with pytest.raises(BadTokenError):
        verify(f"{first}.e30.AAAA", [KEY.key], ["ES256"])


CLAIMS: dict[str, Any] = {"iss": ISSUER, "aud": "bridge", "nonce": "n", "exp": 2000, "iat": 1000}


@given(st.sampled_from([*CLAIMS, "azp", "nbf"]), JSON)
def test_any_claim_is_taken_or_refused(name: str, value: Any) -> None:
    with contextlib.suppress(BadTokenError):
        check_claims({**CLAIMS, name: value}, provider=provider(), nonce="n", now=1001.0)
        assert value == CLAIMS.get(name, value) or name in ("aud", "azp", "exp", "iat", "nbf")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"iss": f"{ISSUER}/"}, "iss"),
        ({"aud": "another"}, "aud"),
        ({"aud": ["bridge", "another"]}, "aud"),
        ({"azp": "another"}, "azp"),
        ({"nonce": "m"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"exp": 990}, "exp"),
        ({"iat": 1010}, "iat"),
        ({"iat": 300}, "iat"),
        ({"nbf": 1010}, "nbf"),
        ({"exp": True}, "exp"),
        ({"exp": float("inf")}, "exp"),
        ({"exp": float("nan")}, "exp"),
        ({"exp": 10**400}, "exp"),
    ],
)
def test_an_id_token_of_something_else_is_refused(changes: dict[str, Any], field: str) -> None:
    check_claims(CLAIMS, provider=provider(), nonce="n", now=1001.0)
    with pytest.raises(BadTokenError) as refusal:
        check_claims({**CLAIMS, **changes}, provider=provider(), nonce="n", now=1001.0)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("kind", "claims", "level"),
    [
        ("id-porten", {"acr": "idporten-loa-high"}, Level.HIGH),
        ("id-porten", {"acr": "idporten-loa-substantial"}, Level.SUBSTANTIAL),
        ("id-porten", {"acr": "Level4"}, Level.NONE),
        ("id-porten", {"acr": ["idporten-loa-high"]}, Level.NONE),
        ("id-porten", {"amr": ["BankID"]}, Level.NONE),
        ("helseid", {SECURITY_LEVEL: "4"}, Level.HIGH),
        ("helseid", {SECURITY_LEVEL: "4", ASSURANCE_LEVEL: "high"}, Level.HIGH),
        ("helseid", {SECURITY_LEVEL: "4", ASSURANCE_LEVEL: "substantial"}, Level.SUBSTANTIAL),
        ("helseid", {SECURITY_LEVEL: "3", ASSURANCE_LEVEL: "high"}, Level.SUBSTANTIAL),
        ("helseid", {ASSURANCE_LEVEL: "high"}, Level.NONE),
        ("helseid", {SECURITY_LEVEL: 4}, Level.NONE),
        ("helseid", {"acr": "idporten-loa-high"}, Level.NONE),
        ("oidc", {"acr": "urn:mfa"}, Level.SUBSTANTIAL),
        ("oidc", {"acr": "idporten-loa-high"}, Level.NONE),
    ],
)
def test_a_level_is_what_the_kind_of_provider_says(kind: Kind, claims: dict[str, Any], level: Level) -> None:
    assert provider(kind, acr_levels={"urn:mfa": Level.SUBSTANTIAL}).level_of(claims) is level


@given(st.sampled_from(["id-porten", "helseid", "oidc"]), st.dictionaries(st.sampled_from(
    ["acr", "pid", SECURITY_LEVEL, ASSURANCE_LEVEL]), JSON))  # fmt: skip
def test_any_claim_has_a_level(kind: Kind, claims: dict[str, Any]) -> None:
    provider(kind).level_of(claims)
    provider(kind).person_of(claims)


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS256", RSAKey.generate_key(2048)),
        ("PS512", RSAKey.generate_key(2048)),
        ("ES256", ECKey.generate_key("P-256")),
        ("ES384", ECKey.generate_key("P-384")),
        ("Ed25519", OKPKey.generate_key("Ed25519")),
    ],
)
def test_keys_are_read_as_pem_and_as_jwk(algorithm: str, key: RSAKey | ECKey | OKPKey) -> None:
    for text in (key.as_pem(private=True), json.dumps(key.as_dict(private=True)).encode()):
        loaded = SigningKey.load(text, algorithm=algorithm, kid="k")
        token = loaded.assertion("bridge", ISSUER, time.time())
        claims = verify(token, [key], [algorithm])
        assert (claims["iss"], claims["sub"], claims["aud"]) == ("bridge", "bridge", ISSUER)
        assert claims["exp"] - claims["iat"] <= 60
        assert read_header(token)["kid"] == "k"


@pytest.mark.parametrize(
    ("text", "algorithm"),
    [
        (b"", "RS256"),
        (b"{", "RS256"),
        (b"{}", "ES256"),
        (ECKey.generate_key("P-256").as_pem(private=False), "ES256"),
        (ECKey.generate_key("P-256").as_pem(private=True), "RS256"),
        (ECKey.generate_key("P-256").as_pem(private=True), "ES384"),
        (b'{"kty": "oct", "k": "AAAA"}', "RS256"),
    ],
)
def test_what_is_no_private_key_that_fits_is_refused(text: bytes, algorithm: str) -> None:
    with pytest.raises(KeyMaterialError):
        SigningKey.load(text, algorithm=algorithm)


class Published:
    """A provider that publishes what the test wants, and counts how often it is asked."""

    def __init__(self) -> None:
        self.keys = [ECKey.generate_key("P-256", {"kid": "one"})]
        self.asked = 0
        self.down = False

    async def get(self, url: str) -> Answer:
        if self.down:
            raise SignInError("signin_unavailable", "down")
        if url.endswith("openid-configuration"):
            return Answer(200, {}, METADATA)
        self.asked += 1
        return Answer(200, {}, {"keys": [key.as_dict(private=False) for key in self.keys]})

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        raise AssertionError(url)


async def test_keys_are_fetched_anew_for_a_new_kid_and_no_more_often_than_bounded() -> None:
    published, now = Published(), [0.0]
    discovery = Discovery(ISSUER, published, clock=lambda: now[0])
    assert [key.kid for key in await discovery.find("one")] == ["one"]
    for number in range(20):
        assert await discovery.find(f"made up {number}") == []
    assert published.asked == 1
    published.keys = [ECKey.generate_key("P-256", {"kid": "two"})]
    now[0] = 11.0
    assert [key.kid for key in await discovery.find("two")] == ["two"]
    # Withdrawn with the set that it stood in.
    assert await discovery.find("one") == []
    assert published.asked == 2


async def test_known_keys_serve_while_the_provider_is_down_but_not_for_ever() -> None:
    published, now = Published(), [0.0]
    discovery = Discovery(ISSUER, published, clock=lambda: now[0])
    await discovery.find("one")
    published.down = True
    now[0] = 3600.0
    assert len(await discovery.find("one")) == 1
    now[0] = 100_000.0
    with pytest.raises(SignInError) as refusal:
        await discovery.find("one")
    assert refusal.value.code == "signin_unavailable"


def test_a_provider_is_offered_to_those_it_is_of_use_to() -> None:
    assert provider().offered_to("pasient", Level.HIGH)
    personnel = provider("helseid", roles=frozenset({"fastlege"}))
    assert personnel.offered_to("fastlege", Level.HIGH)
    assert not personnel.offered_to("pasient", Level.NONE)
    weak = provider("oidc", acr_levels={"urn:password": Level.LOW})
    assert weak.offered_to("tolk", Level.LOW)
    assert not weak.offered_to("tolk", Level.SUBSTANTIAL)
    assert Provider.offered([personnel, weak], "tolk", Level.LOW) == [weak]
    assert Provider.offered([personnel, weak], "tolk", Level.HIGH) == [personnel, weak], "a way on is left"
