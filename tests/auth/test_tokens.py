import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from bridge.auth import Algorithm, ClaimRules, Issuer, StaticKey, TokenError, TokenVerifier, mint
from tests.auth.vendor import CLAIMS, NOW, ROLES, RULES, SECRET, refused, signed, verifier, verify

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def pem(key: Any) -> bytes:
    public: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return public


def test_a_good_token_says_who_may_join_what() -> None:
    claims = verify(signed(), room="time-1")
    assert (claims.tenant, claims.room, claims.identity, claims.name) == ("legevisitt", "time-1", "kari", "Kari")
    assert (claims.role, claims.grants) == ("pasient", ROLES["pasient"].grants)
    assert (claims.expires_at, claims.token_id) == (NOW + 600, "1")


def test_what_mint_signs_is_accepted() -> None:
    token = mint(
        SECRET,
        issuer="vendor",
        audience="bridge",
        room="r",
        identity="i",
        role="pasient",
        issued_at=NOW,
        ttl=60,
        name="Ola",
        grants=["subscribe"],
    )
    claims = verify(token)
    assert (claims.room, claims.name) == ("r", "Ola")
    assert claims.grants == {"subscribe"}


@pytest.mark.parametrize(("key", "algorithm"), [(RSA_KEY, "RS256"), (EC_KEY, "ES256"), (ED_KEY, "EdDSA")])
def test_public_keys_verify(key: Any, algorithm: Algorithm) -> None:
    by = verifier(StaticKey.from_pem(pem(key), algorithm))
    assert verify(signed(key, algorithm), by).identity == "kari"
    assert refused(lambda: verify(signed(), by)).code == "token_alg_not_allowed"


def test_a_public_key_is_no_secret_to_sign_with() -> None:
    # The classic confusion: the attacker knows the public key and uses it as the secret of HS256.
    header, body = (jwt.utils.base64url_encode(part).decode() for part in (b'{"alg":"HS256"}', b'{"iss":"vendor"}'))
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        f"{header}.{body}".encode(), pem(RSA_KEY)
    )
    forged = f"{header}.{body}.{jwt.utils.base64url_encode(signature).decode()}"
    by = verifier(StaticKey.from_pem(pem(RSA_KEY), "RS256"))
    assert refused(lambda: verify(forged, by)).code == "token_alg_not_allowed"


def test_an_unsigned_token_is_refused() -> None:
    for algorithm in ("none", "None"):
        header = jwt.utils.base64url_encode(f'{{"alg":"{algorithm}"}}'.encode()).decode()
        token = f"{header}.{signed().split('.')[1]}."
        with pytest.raises(TokenError) as caught:
            verify(token)
        assert caught.value.code in ("token_alg_not_allowed", "token_malformed")


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"exp": NOW - 30}, "token_expired", "exp"),
        ({"nbf": NOW + 31}, "token_not_yet_valid", "nbf"),
        ({"iat": NOW + 31, "nbf": None}, "token_not_yet_valid", "iat"),
        ({"exp": NOW + 3601}, "token_too_long_lived", "exp"),
        ({"aud": "other"}, "token_wrong_audience", "aud"),
        ({"aud": ["other"]}, "token_wrong_audience", "aud"),
        ({"iss": "stranger"}, "token_unknown_issuer", "iss"),
        ({"role": "konge"}, "token_unknown_role", "role"),
        ({"grants": ["fly"]}, "token_unknown_grant", "grants[0]"),
        ({"grants": ["subscribe", ["host"]]}, "token_unknown_grant", "grants[1]"),
        ({"grants": ["host"]}, "token_grant_not_allowed", "grants[0]"),
        ({"grants": "subscribe"}, "token_bad_claim", "grants"),
        ({"sub": "x" * 129}, "token_bad_claim", "sub"),
        ({"room": ""}, "token_bad_claim", "room"),
        ({"name": "Kari\u202eiraK"}, "token_bad_claim", "name"),
        ({"name": "Kari\n"}, "token_bad_claim", "name"),
        ({"sub": "kari\u200d"}, "token_bad_claim", "sub"),
        ({"exp": "soon"}, "token_bad_claim", "exp"),
        ({"exp": True}, "token_bad_claim", "exp"),
        ({"iat": float("nan")}, "token_bad_claim", "iat"),
        ({"exp": 10**400}, "token_bad_claim", "exp"),
        ({"iat": -1}, "token_bad_claim", "iat"),
        # What a program in JavaScript has at hand.
        ({"iat": NOW * 1000, "exp": NOW * 1000 + 600_000}, "token_bad_claim", "exp"),
        ({"starts_at": NOW * 1000}, "token_bad_claim", "starts_at"),
        ({"starts_at": NOW + 1800, "ends_at": NOW + 1800}, "token_bad_claim", "ends_at"),
    ],
)
def test_a_claim_that_cannot_be_accepted_is_named(changes: dict[str, Any], code: str, field: str) -> None:
    error = refused(lambda: verify(signed(**changes)))
    assert (error.code, error.field) == (code, field)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("می\u200cترا", "می\u200cترا"),  # noqa: RUF001 - Persian has these letters
        ("ශ්\u200dරීමතී", "ශ්\u200dරීමතී"),
        ("\u200fמשה כהן\u200f", "\u200fמשה כהן\u200f"),
        (" Kari ", "Kari"),
        ("", ""),
        ("   ", ""),
        ("\u00a0\u200d", ""),
        # The filler of Hangul, Braille without a dot, and marks without a letter.
        ("\u3164\u115f\u2800\ufe0f\u0300", ""),
        ("\u1100\u1161", "\u1100\u1161"),
    ],
)
def test_names_are_taken_as_their_script_writes_them(name: str, shown: str) -> None:
    assert verify(signed(name=name)).name == shown


@pytest.mark.parametrize("claim", sorted(set(CLAIMS) - {"name", "nbf"}))
def test_a_missing_claim_is_named(claim: str) -> None:
    without: dict[str, Any] = {claim: None}
    error = refused(lambda: verify(signed(**without)))
    assert (error.code, error.field) == ("token_missing_claim", claim)


def test_name_nbf_and_a_list_of_audiences_are_optional() -> None:
    assert verify(signed(name=None, nbf=None, aud=["other", "bridge"])).name == ""


def test_a_token_for_another_room_is_refused() -> None:
    assert refused(lambda: verify(signed(), room="time-2")).code == "token_wrong_room"


def test_clocks_may_differ_by_the_leeway() -> None:
    assert verify(signed(exp=NOW - 29, iat=NOW - 60, nbf=None)).identity == "kari"
    assert verify(signed(iat=NOW + 29, nbf=NOW + 29)).identity == "kari"


def test_a_token_may_narrow_its_role_to_nothing() -> None:
    assert verify(signed(grants=[])).grants == frozenset()


def test_another_secret_is_refused() -> None:
    token = signed(b"another secret that is long enough to be one")
    assert refused(lambda: verify(token)).code == "token_bad_signature"


def test_a_vendor_opens_its_own_rooms_only() -> None:
    other = b"the secret of the other vendor, long enough"
    by = TokenVerifier(
        [
            Issuer("vendor", "legevisitt", (StaticKey.from_secret(SECRET),)),
            Issuer("other", "videolege", (StaticKey.from_secret(other),)),
        ],
        RULES,
        clock=lambda: NOW,
    )
    assert verify(signed(other, iss="other"), by).tenant == "videolege"
    assert refused(lambda: verify(signed(other), by)).code == "token_bad_signature"
    # A claim of its own making does not change whose rooms are opened.
    assert verify(signed(other, iss="other", tenant="legevisitt"), by).tenant == "videolege"


def test_two_issuers_of_one_name_are_a_mistake() -> None:
    issuer = Issuer("vendor", "a", ())
    with pytest.raises(ValueError, match="two issuers"):
        TokenVerifier([issuer, issuer], ClaimRules("bridge", 1, 1, ROLES))


def test_keys_are_told_apart_by_kid() -> None:
    new = b"the new secret of the vendor, as long as it has to be"
    by = verifier(StaticKey.from_secret(SECRET, "2026"), StaticKey.from_secret(new, "2027"))
    assert verify(signed(SECRET, kid="2026"), by).identity == "kari"
    assert verify(signed(new, kid="2027"), by).identity == "kari"
    assert refused(lambda: verify(signed(new, kid="2026"), by)).code == "token_bad_signature"
    assert refused(lambda: verify(signed(new, kid="2028"), by)).code == "token_unknown_key"
    # A vendor that names no key is tried with each: there are few.
    assert verify(signed(new), by).identity == "kari"


def test_critical_headers_nobody_understands_are_refused() -> None:
    token = jwt.encode(CLAIMS, SECRET, headers={"crit": ["teleport"], "teleport": True})
    assert refused(lambda: verify(token)).code == "token_malformed"


@pytest.mark.parametrize(
    "token", ["", "a.b", "a.b.c", "...", "x" * 8193, "eyJhbGciOiJIUzI1NiJ9.W10.AA", "å.å.å", "\ud800"]
)
def test_what_is_no_token_is_malformed(token: str) -> None:
    assert refused(lambda: verify(token)).code == "token_malformed"


@given(st.text(max_size=200))
def test_no_text_gets_past_or_breaks_the_verifier(token: str) -> None:
    assert refused(lambda: verify(token)).code == "token_malformed"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(CLAIMS)), json_values)
def test_any_value_of_any_claim_is_accepted_or_refused_by_a_typed_error(claim: str, value: Any) -> None:
    # PyJWT refuses to sign some of these itself, so the token is put together by hand.
    body = jwt.api_jws.PyJWS().encode(_json(CLAIMS | {claim: value}), SECRET, algorithm="HS256")
    try:
        verify(body)
    except TokenError as refusal:
        error = refusal
    else:
        return
    assert error.code.startswith("token_")
    assert body not in str(error)


@given(st.binary(min_size=1, max_size=3), st.integers(min_value=0))
def test_a_token_that_was_tampered_with_is_refused(flips: bytes, start: int) -> None:
    token = signed()
    changed = list(token)
    for index, flip in enumerate(flips):
        place = (start + index) % len(changed)
        changed[place] = chr(ord("A") + flip % 26)
    tampered = "".join(changed)
    # The last character of base64 holds bits that mean nothing.
    if jwt.utils.base64url_decode(tampered.rpartition(".")[2]) == jwt.utils.base64url_decode(token.rpartition(".")[2]):
        return
    refused(lambda: verify(tampered))


def _json(claims: dict[str, Any]) -> bytes:

    return json.dumps(claims).encode()


def test_errors_and_claims_do_not_give_the_token_away() -> None:
    token = signed(exp=NOW - 100)
    error = refused(lambda: verify(token))
    assert token not in repr(error) + str(error.__cause__) + str(error.__context__)
    assert "kari" not in repr(verify(signed())).lower()


def test_a_token_may_lead_a_role_into_the_lobby_and_past_it_only_by_the_operators_leave() -> None:
    assert verify(signed()).enters == "lobby"
    assert verify(signed(role="fastlege")).enters == "direct"
    assert verify(signed(role="fastlege", enters="lobby")).enters == "lobby"
    refusal = refused(lambda: verify(signed(enters="direct")))
    assert (refusal.code, refusal.field) == ("token_grant_not_allowed", "enters")
    assert verify(signed(enters="direct"), verifier(may_skip_lobby=True)).enters == "direct"
    assert refused(lambda: verify(signed(enters="window"))).code == "token_bad_claim"


def test_a_vendor_hands_in_consents_unless_the_operator_keeps_it_from_that() -> None:
    assert verify(signed(consent_by="vendor")).consent_by_vendor
    kept = verifier(consent_by_vendor=False)
    assert not verify(signed(consent_by="participant"), kept).consent_by_vendor
    assert not verify(signed(), kept).consent_by_vendor
    refusal = refused(lambda: verify(signed(consent_by="vendor"), kept))
    assert (refusal.code, refusal.field) == ("token_grant_not_allowed", "consent_by")


def test_a_token_may_say_how_surely_its_owner_is_known() -> None:
    claims = verify(signed(level="idporten-loa-high"))
    assert (claims.level, claims.lifetime) == ("idporten-loa-high", 630.0)


def test_a_token_that_may_be_had_anew_is_banned_for_as_long_within_bounds() -> None:
    assert verify(signed(renewable_until=NOW + 3600)).lifetime == 3630.0
    assert verify(signed(renewable_until=NOW + 1)).lifetime == 630.0
    assert verify(signed(renewable_until=NOW + 10**8)).lifetime == 630.0 + 7 * 86_400
    assert refused(lambda: verify(signed(renewable_until="later"))).field == "renewable_until"
