"""What strangers send to the doors is read or refused, whatever it is."""

from __future__ import annotations

import contextlib
import json
from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st

from bridge.auth.admission import Admission, InvitationRequest, Minter
from bridge.auth.invitations import InvitationError
from bridge.auth.levels import Level
from bridge.auth.oidc import PendingSignIn, Provider, RelyingParty, SignInError
from bridge.auth.pseudonyms import Pseudonyms
from bridge.errors import BridgeError
from bridge.signaling.rest.invitations import InvitationRequestBody
from bridge.signaling.rest.json import decode_json
from bridge.signaling.signin.token_door import _parse
from bridge.signin import SettingsLevels
from tests.auth.oidc.test_parsing import JSON, Published
from tests.support.invitations import invitations_in_memory

TEXT = st.text(st.characters(), max_size=40)
PSEUDONYMS = Pseudonyms(b"k" * 32)


@given(st.text(max_size=300))
def test_any_body_is_a_form_or_refused(body: str) -> None:
    with contextlib.suppress(BridgeError):
        assert all(isinstance(value, str) for value in _parse(body).values())


@given(st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=30))
def test_a_form_is_read_as_it_was_written(form: dict[str, str]) -> None:
    with contextlib.suppress(BridgeError):
        assert _parse(urlencode(form)) == form


@given(st.text(max_size=100) | JSON.map(json.dumps))
def test_any_text_is_an_invitation_or_refused(body: str) -> None:
    with contextlib.suppress(BridgeError):
        assert isinstance(decode_json(body, InvitationRequestBody), InvitationRequestBody)


@given(st.dictionaries(st.sampled_from(InvitationRequestBody.__struct_fields__), JSON))
def test_any_value_of_any_field_is_taken_or_refused(fields: dict[str, object]) -> None:
    body = {"room": "time-1", "role": "tolk", "lifetime": 600, **fields}
    with contextlib.suppress(BridgeError):
        assert isinstance(decode_json(json.dumps(body), InvitationRequestBody), InvitationRequestBody)


@given(identity=TEXT, name=TEXT, answer=TEXT, given_answer=TEXT)
async def test_any_texts_make_an_invitation_that_works_or_none(
    identity: str, name: str, answer: str, given_answer: str
) -> None:
    admission = Admission(
        invitations_in_memory(), SettingsLevels({}, ()), Minter(b"s" * 32, "bridge", 60.0), PSEUDONYMS, {"tolk"}
    )
    request = InvitationRequest("time-1", "tolk", 600.0, identity=identity, name=name, question="name", answer=answer)
    with contextlib.suppress(InvitationError):
        invitation, code = await admission.invite("v", request, made_by="vendor")
        assert await admission.open(code) == invitation
        with contextlib.suppress(InvitationError):
            await admission.answer(invitation, given_answer)
        await admission.answer(invitation, answer)
        assert (await admission.admit(invitation, "s", None, answered=True)).token
    with contextlib.suppress(InvitationError):
        await admission.open(given_answer)


@given(st.dictionaries(st.sampled_from(["code", "state", "iss", "error", "session_state"]), TEXT))
async def test_any_answer_of_a_provider_is_refused(parameters: dict[str, str]) -> None:
    provider = Provider("p", "id-porten", "P", "https://idporten.no", "bridge")
    party = RelyingParty(
        provider, Published(), PSEUDONYMS, redirect_uri="https://bridge.example/signin/p/callback", clock=lambda: 0.0
    )
    pending = PendingSignIn("p", "state", "nonce", "verifier", Level.LOW, 600.0)
    for given_parameters in (parameters, {**parameters, "state": "state"}):
        given_parameters.pop("code", None)
        with contextlib.suppress(SignInError):
            await party.finish(pending, given_parameters)
            raise AssertionError("nobody has signed in")
