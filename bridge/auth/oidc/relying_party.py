"""Signs people in at one provider: authorization code flow with PKCE, state and nonce (OpenID Connect Core, RFC 9700).

For HelseID the request is pushed (RFC 9126), the client proves itself by a signed assertion (RFC 7523), and tokens are
bound to a key of ours (RFC 9449). The tokens themselves are dropped as soon as the ID token has been read: the bridge
asks nothing else of a provider, and an ID token of ID-porten holds the national identity number.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from bridge.auth.levels import Level
from bridge.auth.oidc.discovery import Discovery
from bridge.auth.oidc.errors import SignInError, unavailable
from bridge.auth.oidc.http import Answer, Http
from bridge.auth.oidc.id_token import check_id_token
from bridge.auth.oidc.keys import SigningKey
from bridge.auth.oidc.provider import Provider
from bridge.auth.oidc.signed import same
from bridge.auth.oidc.signed_in import SignedIn
from bridge.auth.pseudonyms import Pseudonyms

PENDING_LIFETIME = 600.0
"""Seconds that a person may take at the provider."""
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_PARAMETER_LENGTH = 2048


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """A sign-in under way: what the answer is held against. It stays on the server, bound to the browser's session."""

    provider: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    level: Level
    """The one that is needed; an answer below it is refused."""
    expires_at: float
    """Seconds since the epoch."""


class RelyingParty:
    """The bridge as a client of one provider."""

    def __init__(
        self,
        provider: Provider,
        http: Http,
        pseudonyms: Pseudonyms,
        *,
        redirect_uri: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives seconds since the epoch."""
        self.provider = provider
        self._http = http
        self._pseudonyms = pseudonyms
        self._redirect_uri = redirect_uri
        self._clock = clock
        self._discovery = Discovery(provider.issuer, http, pushes=provider.pushes)
        self._proof_key = SigningKey.generate() if provider.proves_possession else None
        self._nonce: str | None = None

    async def start(self, level: Level, *, again: bool = False) -> tuple[PendingSignIn, str]:
        """A new sign-in, and the URL to send the browser to.

        `again` has the provider ask anew instead of using the sign-in that it knows: a step up. Raises `SignInError`.
        """
        endpoints = await self._discovery.endpoints()
        pending = PendingSignIn(
            provider=self.provider.id,
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            level=level,
            expires_at=self._clock() + PENDING_LIFETIME,
        )
        request = self._request(pending, again=again)
        if endpoints.pushed_authorization is not None:
            answer = await self._post(endpoints.pushed_authorization, request)
            request_uri = answer.body.get("request_uri")
            if answer.status != 201 or not isinstance(request_uri, str):
                raise _refused(answer)
            request = {"client_id": self.provider.client_id, "request_uri": request_uri}
        separator = "&" if "?" in endpoints.authorization else "?"
        return pending, f"{endpoints.authorization}{separator}{urlencode(request)}"

    async def finish(self, pending: PendingSignIn, parameters: Mapping[str, str]) -> SignedIn:
        """Who came back with these parameters of the redirect. Raises `SignInError`."""
        if any(len(value) > MAX_PARAMETER_LENGTH for value in parameters.values()):
            raise SignInError("signin_refused", "The provider's answer is too long.")
        if self._clock() >= pending.expires_at or not same(pending.state, parameters.get("state", "")):
            raise unknown_state()
        endpoints = await self._discovery.endpoints()
        issuer = parameters.get("iss")
        if (issuer is None and endpoints.names_issuer) or (issuer is not None and issuer != self.provider.issuer):
            raise SignInError("signin_issuer_mismatch", "The answer comes from another provider than the one asked.")
        error = parameters.get("error")
        if error is not None:
            raise _declined(error)
        code = parameters.get("code")
        if not code:
            raise SignInError("signin_refused", "The provider's answer holds no code.", field="code")
        answer = await self._redeem(endpoints.token, code, pending)
        id_token = answer.body.get("id_token")
        if not isinstance(id_token, str):
            raise unavailable("The provider's answer holds no ID token.")
        signed_in = await check_id_token(
            id_token,
            provider=self.provider,
            discovery=self._discovery,
            nonce=pending.nonce,
            now=self._clock(),
            pseudonyms=self._pseudonyms,
        )
        if signed_in.level < pending.level:
            raise level_too_low(pending.level)
        return signed_in

    async def end_session_url(self, returning_to: str) -> str | None:
        """Where to send the browser to be signed out at the provider too; None where it has no such place.

        RP-Initiated Logout 1.0 by `client_id` instead of `id_token_hint`: the bridge keeps no ID token, so the provider
        may ask the person whether they mean it.
        """
        url = (await self._discovery.endpoints()).end_session
        if url is None:
            return None
        return f"{url}?{urlencode({'client_id': self.provider.client_id, 'post_logout_redirect_uri': returning_to})}"

    def _request(self, pending: PendingSignIn, *, again: bool) -> dict[str, str]:
        """The authorization request (Core §3.1.2.1; RFC 7636)."""
        challenge = urlsafe_b64encode(hashlib.sha256(pending.verifier.encode()).digest()).rstrip(b"=").decode()
        request = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(self.provider.requested_scopes),
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        acr_values = self.provider.acr_values_for(pending.level)
        if acr_values:
            request["acr_values"] = " ".join(acr_values)
        if again:
            request["prompt"] = "login"
        if self._proof_key is not None:
            request["dpop_jkt"] = self._proof_key.thumbprint
        return request

    async def _redeem(self, url: str, code: str, pending: PendingSignIn) -> Answer:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": pending.verifier,
        }
        answer = await self._post(url, form, prove=True)
        if self._proof_key is not None and answer.body.get("error") == "use_dpop_nonce":
            # RFC 9449 §8: once more, with the nonce that the answer brought, and a new assertion: each serves once.
            answer = await self._post(url, form, prove=True)
        if answer.status != 200:
            raise _refused(answer)
        expected = "bearer" if self._proof_key is None else "dpop"
        if str(answer.body.get("token_type", "")).lower() != expected:
            raise unavailable("The provider's token is of another type than agreed on.")
        return answer

    async def _post(self, url: str, form: dict[str, str], *, prove: bool = False) -> Answer:
        """POSTs as the client that we are."""
        headers: dict[str, str] = {}
        form = dict(form)
        now = self._clock()
        if self.provider.key is not None:
            form["client_id"] = self.provider.client_id
            form["client_assertion_type"] = ASSERTION_TYPE
            form["client_assertion"] = self.provider.key.assertion(self.provider.client_id, self.provider.issuer, now)
        elif self.provider.secret is not None:
            # RFC 6749 §2.3.1: both are form-encoded first.
            pair = f"{quote(self.provider.client_id, safe='')}:{quote(self.provider.secret, safe='')}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = self.provider.client_id
        if prove and self._proof_key is not None:
            headers["DPoP"] = self._proof_key.proof("POST", url, now, nonce=self._nonce)
        answer = await self._http.post(url, form, headers)
        nonce = answer.headers.get("dpop-nonce")
        if prove and nonce is not None and len(nonce) <= MAX_PARAMETER_LENGTH:
            self._nonce = nonce
        return answer


def unknown_state() -> SignInError:
    """There is no sign-in under way that this answer could belong to."""
    return SignInError(
        "signin_unknown_state",
        "No sign-in is under way in this browser, or it took too long.",
        field="state",
        hint="Start again, in one window.",
    )


def level_too_low(needed: Level) -> SignInError:
    """They are known, and not surely enough."""
    return SignInError(
        "signin_level_too_low",
        "The sign-in is at a lower level than is needed here.",
        hint=f"Sign in again at the level {needed.word!r}.",
    )


def _declined(error: str) -> SignInError:
    if error in ("access_denied", "login_required", "interaction_required"):
        return SignInError("signin_cancelled", "The sign-in was not completed.", hint="Start again.")
    return SignInError("signin_refused", "The provider refused the sign-in.", hint=_code(error))


def _refused(answer: Answer) -> SignInError:
    error: Any = answer.body.get("error")
    return SignInError("signin_refused", "The provider refused the bridge's request.", hint=_code(error))


def _code(error: object) -> str:
    """An OAuth error code, if it looks like one: it is a word of the protocol and tells nothing of a person."""
    if isinstance(error, str) and len(error) <= 64 and error.replace("_", "").isalnum() and error.isascii():
        return f"Its error code is {error!r}."
    return "It gave no error code."
