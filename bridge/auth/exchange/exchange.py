"""Exchanges a portal's access token for a join token (RFC 8693): who has signed in there need not do so again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from bridge.auth.admission import Admission, Admitted
from bridge.auth.exchange.access_token import Expected, check_access_token
from bridge.auth.exchange.dpop import ProofChecker
from bridge.auth.exchange.errors import ExchangeError
from bridge.auth.invitations import InvitationError
from bridge.auth.oidc import Http, Provider, SignedIn, SignInError
from bridge.auth.oidc.discovery import Discovery
from bridge.auth.oidc.signed import same
from bridge.auth.pseudonyms import Pseudonyms

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 (the name of a type)
JWT = "urn:ietf:params:oauth:token-type:jwt"

Scheme = Literal["dpop", "bearer"]


@dataclass(frozen=True, slots=True)
class Portal:
    """Whose access tokens are exchanged, and for what."""

    id: str
    tenant: str
    provider: Provider
    """Where its tokens come from, and how they tell identity and level."""
    expected: Expected
    scheme: Scheme
    roles: frozenset[str] = frozenset()
    """Roles that it gives to whoever it likes."""


@dataclass(frozen=True, slots=True)
class Presented:
    """How a token was presented."""

    method: str
    url: str
    """Without query, as the client knows it."""
    proof: str | None = field(default=None, repr=False)
    """The header `DPoP`."""
    authorization: str | None = field(default=None, repr=False)
    """The header `Authorization`, if the client sends the token there as well."""


class Exchange:
    """The endpoint of one portal."""

    def __init__(
        self,
        portal: Portal,
        http: Http,
        admission: Admission,
        pseudonyms: Pseudonyms,
        proofs: ProofChecker,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives seconds since the epoch."""
        self.portal = portal
        self._discovery = Discovery(portal.provider.issuer, http)
        self._admission = admission
        self._pseudonyms = pseudonyms
        self._proofs = proofs
        self._clock = clock

    async def exchange(self, form: Mapping[str, str], presented: Presented) -> Admitted:
        """A join token for a form of RFC 8693 §2.1, whose parameters `room` and `role` say for what.

        Raises `ExchangeError`, or `SignInError` (`signin_unavailable`) when the portal's issuer cannot be reached.
        """
        if form.get("grant_type") != GRANT_TYPE:
            raise ExchangeError("unsupported_grant_type", "Tokens are exchanged here.", field="grant_type")
        if form.get("subject_token_type") != ACCESS_TOKEN:
            raise ExchangeError("invalid_request", "An access token is wanted.", field="subject_token_type")
        if form.get("requested_token_type", JWT) != JWT or "actor_token" in form:
            raise ExchangeError("invalid_request", "Only a join token, a JWT for its subject alone, is given.")
        token, room, role = (_needed(form, name) for name in ("subject_token", "room", "role"))
        self._check_scheme(token, presented)
        now = self._clock()
        who, thumbprint = await check_access_token(
            token,
            provider=self.portal.provider,
            discovery=self._discovery,
            expected=self.portal.expected,
            now=now,
            pseudonyms=self._pseudonyms,
        )
        self._check_possession(token, thumbprint, presented, now)
        return await self._admit(room, role, who)

    def _check_scheme(self, token: str, presented: Presented) -> None:
        """One scheme for each endpoint: a client that could choose would be made to choose the weaker one."""
        dpop = self.portal.scheme == "dpop"
        if dpop and presented.proof is None:
            raise ExchangeError("invalid_dpop_proof", "Tokens are taken with a proof of possession only.", field="DPoP")
        if not dpop and presented.proof is not None:
            raise ExchangeError("invalid_request", "Tokens are taken without a proof of possession only.", field="DPoP")
        if presented.authorization is not None:
            scheme, _, given = presented.authorization.partition(" ")
            if scheme.lower() != self.portal.scheme or not same(given, token):
                raise ExchangeError(
                    "invalid_request", "The header has another token, or another scheme.", field="Authorization"
                )

    def _check_possession(self, token: str, thumbprint: object, presented: Presented, now: float) -> None:
        if presented.proof is None:
            if thumbprint is not None:
                raise ExchangeError(
                    "invalid_request",
                    "The token is bound to a key; here bearer tokens are taken.",
                    field="subject_token",
                )
            return
        if thumbprint is None:
            raise ExchangeError("invalid_request", "The token is bound to no key.", field="subject_token.cnf")
        self._proofs.check(
            presented.proof, method=presented.method, url=presented.url, token=token, thumbprint=thumbprint, now=now
        )

    async def _admit(self, room: str, role: str, who: SignedIn) -> Admitted:
        """By the person's own invitation, or in a role that the portal may give."""
        try:
            self._admission.minimum(self.portal.tenant, room, role)
        except InvitationError as refusal:
            raise ExchangeError("invalid_request", refusal.message, field=refusal.field, hint=refusal.hint) from None
        invitation = await self._admission.find_for(self.portal.tenant, room, who, role)
        try:
            if invitation is not None:
                return await self._admission.admit(invitation, f"exchange:{who.subject}", who, answered=True)
            if role in self.portal.roles:
                return self._admission.admit_uninvited(self.portal.tenant, room, role, who)
        except SignInError as refusal:
            raise ExchangeError("insufficient_user_authentication", refusal.message, hint=refusal.hint) from None
        except InvitationError as refusal:
            raise ExchangeError("access_denied", refusal.message, hint=refusal.hint) from None
        raise ExchangeError(
            "access_denied",
            "Nobody has invited this person into that room in that role.",
            hint="Make an invitation with their number, or ask the operator which roles the portal may give.",
        )


def _needed(form: Mapping[str, str], name: str) -> str:
    value = form.get(name)
    if not value:
        raise ExchangeError("invalid_request", "The parameter is missing.", field=name)
    return value
