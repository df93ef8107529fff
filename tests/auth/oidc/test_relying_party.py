"""Signing in at a real provider, and what happens when somebody plays foul."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from joserfc.jwk import RSAKey

from bridge.auth.levels import Level
from bridge.auth.oidc import HttpClient, PendingSignIn, Provider, RelyingParty, SignInError, SigningKey
from bridge.auth.pseudonyms import Pseudonyms
from loadtest.ports import free_port
from tests.auth.oidc.counterpart import REDIRECT_URI, SECRET, Counterpart, Person, person, running_provider

PSEUDONYMS = Pseudonyms(b"k" * 32)
HIGH = {"id-porten": "idporten-loa-high", "helseid": "4"}
LOWER = {"id-porten": "idporten-loa-substantial", "helseid": "3"}


@pytest.fixture(scope="module")
def id_porten() -> Iterator[Counterpart]:
    with running_provider("id-porten") as counterpart:
        yield counterpart


@pytest.fixture(scope="module")
def helseid() -> Iterator[Counterpart]:
    with running_provider("helseid") as counterpart:
        yield counterpart


@pytest.fixture(params=["id-porten", "helseid"])
def counterpart(request: pytest.FixtureRequest) -> Counterpart:
    name = "id_porten" if request.param == "id-porten" else "helseid"
    found: Counterpart = request.getfixturevalue(name)
    return found


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


@pytest.fixture
async def kari() -> AsyncIterator[Person]:
    async with person() as somebody:
        yield somebody


class Clock:
    """The time of day, which may be set wrong."""

    offset = 0.0

    def __call__(self) -> float:
        return time.time() + self.offset


def provider_of(counterpart: Counterpart, **changes: object) -> Provider:
    base = Provider(
        id=counterpart.kind,
        kind=counterpart.kind,  # type: ignore[arg-type]
        title=counterpart.kind,
        issuer=counterpart.issuer,
        client_id=counterpart.client_id,
        key=counterpart.key,
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def relying_party(
    counterpart: Counterpart, http: HttpClient, clock: Clock | None = None, **changes: object
) -> RelyingParty:
    return RelyingParty(
        provider_of(counterpart, **changes), http, PSEUDONYMS, redirect_uri=REDIRECT_URI, clock=clock or Clock()
    )


async def test_who_signs_in_is_known_with_their_level_and_without_their_number(
    counterpart: Counterpart, http: HttpClient, kari: Person
) -> None:
    bridge = relying_party(counterpart, http)
    pending, url = await bridge.start(Level.HIGH)
    who = await bridge.finish(pending, await kari.sign_in(url, "line", HIGH[counterpart.kind]))
    assert who.level is Level.HIGH
    assert who.person == PSEUDONYMS.person("11905299903")
    assert "11905299903" not in str(dataclasses.asdict(who))
    if counterpart.kind == "helseid":
        assert who.name == "Line Danser"
        assert who.professional == PSEUDONYMS.professional("431001110")
    else:
        assert (who.name, who.professional) == ("", None)
        assert who.sid


async def test_a_level_too_low_is_told_apart_and_can_be_stepped_up(
    counterpart: Counterpart, http: HttpClient, kari: Person
) -> None:
    bridge = relying_party(counterpart, http)
    pending, url = await bridge.start(Level.HIGH)
    with pytest.raises(SignInError) as refusal:
        await bridge.finish(pending, await kari.sign_in(url, "kari", LOWER[counterpart.kind]))
    assert refusal.value.code == "signin_level_too_low"
    # The provider knows them now, and would send them back at the same level without asking.
    pending, url = await bridge.start(Level.HIGH, again=True)
    who = await bridge.finish(pending, await kari.sign_in(url, "kari", HIGH[counterpart.kind]))
    assert who.level is Level.HIGH


async def refused(bridge: RelyingParty, pending: PendingSignIn, parameters: dict[str, str]) -> tuple[str, str | None]:
    with pytest.raises(SignInError) as refusal:
        await bridge.finish(pending, parameters)
    return refusal.value.code, refusal.value.field


async def test_a_sign_in_of_another_window_is_refused(counterpart: Counterpart, http: HttpClient, kari: Person) -> None:
    bridge = relying_party(counterpart, http)
    mine, _ = await bridge.start(Level.HIGH)
    _, url = await bridge.start(Level.HIGH)
    answer = await kari.sign_in(url, "kari", HIGH[counterpart.kind])
    assert await refused(bridge, mine, answer) == ("signin_unknown_state", "state")
    del answer["state"]
    assert await refused(bridge, mine, answer) == ("signin_unknown_state", "state")


async def test_an_id_token_made_for_another_sign_in_is_refused(
    counterpart: Counterpart, http: HttpClient, kari: Person
) -> None:
    bridge = relying_party(counterpart, http)
    pending, url = await bridge.start(Level.HIGH)
    answer = await kari.sign_in(url, "kari", HIGH[counterpart.kind])
    other = dataclasses.replace(pending, nonce="another")
    assert await refused(bridge, other, answer) == ("signin_bad_id_token", "nonce")


async def test_a_code_serves_once_and_with_its_verifier(
    counterpart: Counterpart, http: HttpClient, kari: Person
) -> None:
    bridge = relying_party(counterpart, http)
    pending, url = await bridge.start(Level.HIGH)
    answer = await kari.sign_in(url, "kari", HIGH[counterpart.kind])
    await bridge.finish(pending, answer)
    assert await refused(bridge, pending, answer) == ("signin_refused", None)

    pending, url = await bridge.start(Level.HIGH)
    answer = await kari.sign_in(url, "kari", HIGH[counterpart.kind])
    stolen = dataclasses.replace(pending, verifier="v" * 64)
    assert await refused(bridge, stolen, answer) == ("signin_refused", None)


async def test_an_answer_of_another_provider_is_refused(
    id_porten: Counterpart, helseid: Counterpart, http: HttpClient, kari: Person
) -> None:
    bridge, other = relying_party(id_porten, http), relying_party(helseid, http)
    pending, _ = await bridge.start(Level.HIGH)
    _, url = await other.start(Level.HIGH)
    answer = await kari.sign_in(url, "kari", "4")
    # The mix-up attack (RFC 9207 §1): the state is right, the code is another provider's.
    assert await refused(bridge, pending, answer | {"state": pending.state}) == ("signin_issuer_mismatch", None)
    del answer["iss"]
    assert await refused(bridge, pending, answer | {"state": pending.state}) == ("signin_issuer_mismatch", None)


async def test_whoever_takes_too_long_starts_again(counterpart: Counterpart, http: HttpClient, kari: Person) -> None:
    clock = Clock()
    bridge = relying_party(counterpart, http, clock)
    pending, url = await bridge.start(Level.HIGH)
    answer = await kari.sign_in(url, "kari", HIGH[counterpart.kind])
    clock.offset = 601
    assert await refused(bridge, pending, answer) == ("signin_unknown_state", "state")


@pytest.mark.parametrize(("offset", "field"), [(130.0, "exp"), (-30.0, "iat")])
async def test_an_id_token_of_another_time_is_refused(
    id_porten: Counterpart, http: HttpClient, kari: Person, offset: float, field: str
) -> None:
    clock = Clock()
    # By secret: with a clock this wrong, the provider would refuse a signed assertion before there is an ID token.
    with running_provider("id-porten", auth_method="client_secret_basic") as counterpart:
        bridge = relying_party(counterpart, http, clock, key=None, secret=SECRET)
        pending, url = await bridge.start(Level.HIGH)
        answer = await kari.sign_in(url, "kari", "idporten-loa-high")
        clock.offset = offset
        assert await refused(bridge, pending, answer) == ("signin_bad_id_token", field)


async def test_clocks_may_differ_by_seconds(counterpart: Counterpart, http: HttpClient, kari: Person) -> None:
    for offset in (-3.0, 3.0):
        clock = Clock()
        bridge = relying_party(counterpart, http, clock)
        pending, url = await bridge.start(Level.HIGH)
        answer = await kari.sign_in(url, "kari", HIGH[counterpart.kind])
        clock.offset = offset
        assert (await bridge.finish(pending, answer)).level is Level.HIGH


async def test_the_algorithm_is_the_one_agreed_on(counterpart: Counterpart, http: HttpClient, kari: Person) -> None:
    bridge = relying_party(counterpart, http, algorithms=("ES256",))
    pending, url = await bridge.start(Level.HIGH)
    answer = await kari.sign_in(url, "kari", HIGH[counterpart.kind])
    assert await refused(bridge, pending, answer) == ("signin_bad_id_token", "alg")


async def test_a_key_that_the_provider_does_not_know_gets_nowhere(
    id_porten: Counterpart, helseid: Counterpart, http: HttpClient, kari: Person
) -> None:
    stranger = SigningKey(RSAKey.generate_key(2048), "RS256", "bridge-1")
    bridge = relying_party(helseid, http, key=stranger)
    with pytest.raises(SignInError) as refusal:
        await bridge.start(Level.HIGH)
    assert (refusal.value.code, refusal.value.hint) == ("signin_refused", "Its error code is 'invalid_client'.")


async def test_who_goes_back_is_told_so(counterpart: Counterpart, http: HttpClient, kari: Person) -> None:
    bridge = relying_party(counterpart, http)
    pending, url = await bridge.start(Level.HIGH)
    answer = await kari.sign_in(url, "kari", HIGH[counterpart.kind], cancel=True)
    assert await refused(bridge, pending, answer) == ("signin_cancelled", None)


async def test_a_provider_that_is_not_there_is_an_error_in_words(http: HttpClient) -> None:
    nowhere = Counterpart("id-porten", f"http://127.0.0.1:{free_port()}", SigningKey.generate())
    with pytest.raises(SignInError) as refusal:
        await relying_party(nowhere, http).start(Level.HIGH)
    assert refusal.value.code == "signin_unavailable"


async def test_metadata_of_another_issuer_is_refused(id_porten: Counterpart, http: HttpClient) -> None:
    slash = relying_party(id_porten, http, issuer=f"{id_porten.issuer}/")
    with pytest.raises(SignInError) as refusal:
        await slash.start(Level.HIGH)
    assert refusal.value.code == "signin_unavailable"


async def test_any_other_provider_is_a_matter_of_settings(http: HttpClient, kari: Person) -> None:
    with running_provider("id-porten", auth_method="client_secret_basic") as counterpart:
        bridge = relying_party(
            counterpart,
            http,
            kind="oidc",
            key=None,
            secret=SECRET,
            acr_levels={"idporten-loa-substantial": Level.LOW, "idporten-loa-high": Level.SUBSTANTIAL},
        )
        pending, url = await bridge.start(Level.LOW)
        who = await bridge.finish(pending, await kari.sign_in(url, "kari", "idporten-loa-high"))
        assert (who.level, who.person) == (Level.SUBSTANTIAL, PSEUDONYMS.person("17812099901"))
        wrong = relying_party(counterpart, http, kind="oidc", key=None, secret="guessed", acr_levels={})
        pending, url = await wrong.start(Level.NONE)
        assert (await refused(wrong, pending, await kari.sign_in(url, "kari", "x")))[0] == "signin_refused"
