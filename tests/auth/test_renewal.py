"""Fresh tokens for those in a call: they say what the first one said, and end when it ends for good."""

import dataclasses

import jwt

from bridge.auth import ClaimRules, Issuer, JoinClaims, StaticKey, TokenVerifier
from bridge.auth.renewal import Renewal
from tests.auth.vendor import NOW, ROLES, RULES, SECRET, refused, signed, verify

STAY = 7200.0
TTL = 600.0
OWN_SECRET = b"a secret of the bridge that is long enough too"


class House:
    """A bridge that knows a vendor, and renews what it has verified."""

    def __init__(self) -> None:
        self.now = NOW
        self.renewal = Renewal(OWN_SECRET, RULES.audience, TTL, ROLES, clock=lambda: self.now)
        vendor = Issuer("vendor", "legevisitt", (StaticKey.from_secret(SECRET),), may_skip_lobby=True)
        rules = ClaimRules(RULES.audience, RULES.max_ttl, RULES.leeway, ROLES, stay=STAY)
        self.verifier = TokenVerifier([vendor, *self.renewal.issuers(["legevisitt"])], rules, clock=lambda: self.now)

    def verify(self, token: str) -> JoinClaims:
        return verify(token, self.verifier)

    def renew(self, claims: JoinClaims) -> str:
        token = self.renewal.renew(claims)
        assert token is not None
        return token


def lasting(claims: JoinClaims) -> JoinClaims:
    """Without what goes by with time."""
    return dataclasses.replace(claims, expires_at=0.0, lifetime=0.0, verified_at=0.0)


def test_a_fresh_token_says_what_the_first_one_said() -> None:
    house = House()
    tokens = [
        signed(),
        signed(name=None, role="fastlege", enters="lobby", grants=["subscribe"]),
        signed(enters="direct", level="idporten-loa-high", video_consent=True, consent_by="vendor"),
        signed(starts_at=NOW - 60, ends_at=NOW + 1800, renewable_until=NOW + 3600),
    ]
    for token in tokens:
        house.now = NOW
        first = house.verify(token)
        house.now = NOW + 500
        assert lasting(house.verify(house.renew(first))) == lasting(first)


def test_it_outlives_the_first_one_by_as_long_as_somebody_stays() -> None:
    house = House()
    claims = house.verify(signed())
    for _ in range(10):
        house.now += house.renewal.interval
        claims = house.verify(house.renew(claims))
        assert claims.expires_at == house.now + TTL
    assert refused(lambda: house.verify(signed())).code == "token_expired"


def test_it_ends_for_good_where_the_first_one_may_not_be_given_anew_any_more() -> None:
    house = House()
    ends = {signed(): NOW + 600 + STAY, signed(renewable_until=NOW + 700): NOW + 700}
    for token, end in ends.items():
        house.now = NOW
        claims = house.verify(token)
        assert claims.lifetime == end - NOW + RULES.leeway, "a ban lasts for as long"
        house.now = end - 60
        claims = house.verify(house.renew(claims))
        assert claims.expires_at == end
        house.now = end
        assert house.renewal.renew(claims) is None


def test_a_role_that_an_operator_changes_changes_with_it() -> None:
    house = House()
    token = house.renew(house.verify(signed()))
    assert {"grants", "enters"}.isdisjoint(jwt.decode(token, options={"verify_signature": False}))
