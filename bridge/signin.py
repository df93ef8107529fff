"""Puts together what signs people in: settings in, relying parties, sessions, invitations and a minter out."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import cast

from bridge.auth import DEVELOPMENT_ISSUER, Issuer, KeyMaterialError, StaticKey, TokenVerifier
from bridge.auth.admission import Admission, Minter
from bridge.auth.exchange import Exchange, Expected, Nonces, Portal, ProofChecker, ReplayCache, Scheme
from bridge.auth.invitation_database import InvitationDatabase
from bridge.auth.levels import WORDS, Level
from bridge.auth.oidc import HttpClient, Kind, Provider, RelyingParty, SigningKey
from bridge.auth.operators import OperatorProvider, OperatorRule, watched
from bridge.auth.pseudonyms import Pseudonyms
from bridge.auth.renewal import Renewal
from bridge.auth.secret_file import create_secret, derive, read_secret
from bridge.auth.sessions import Sessions
from bridge.auth.vendors import VendorAuthenticator
from bridge.configuration import SettingsError
from bridge.issuers import read_roles, tenants_without_vendor_consent
from bridge.settings import Settings
from bridge.signaling.admin import PENDING_SECONDS, OperatorSignIn
from bridge.signin_settings import ExchangeSettings, OpenIdSettings, OperatorProviderSettings
from bridge.storage import Place, in_thread

MAX_PENDING_OPERATORS = 200
"""Browsers in which an operator's sign-in is under way; whoever began first gives way."""
KEY_FILE = "signin.key"
"""In the data directory, where the settings name no other."""


@dataclass(frozen=True, slots=True)
class SettingsLevels:
    """`LevelPolicy` of the settings: the higher of what the role takes and what the room does."""

    roles: Mapping[str, Level]
    rooms: tuple[tuple[str, Level], ...]
    """Patterns of "tenant/room", as in a shell."""

    def minimum(self, tenant: str, room: str, role: str) -> Level:
        """The lowest level that is let in."""
        of_rooms = (level for pattern, level in self.rooms if fnmatchcase(f"{tenant}/{room}", pattern))
        return max((self.roles.get(role, Level.NONE), *of_rooms))


class SignIn:
    """Everything that signs people in, for one bridge."""

    def __init__(self, settings: Settings, place: Place, served: Collection[str]) -> None:
        """`place` is where invitations are kept, `served` the tenants that there are. Raises `SettingsError`."""
        signin = settings.signin
        self._without_vendor_consent = tenants_without_vendor_consent(settings)
        secret = _secret(settings)
        self.http = HttpClient()
        self.pseudonyms = Pseudonyms(derive(secret, "pseudonyms"))
        self.nonces = Nonces(derive(secret, "dpop-nonces"))
        self.sessions = Sessions(self.pseudonyms.code, idle=signin.idle, lifetime=signin.lifetime)
        self._token_key = derive(secret, "join-tokens")
        self.minter = minter = Minter(
            self._token_key, settings.tokens.audience, min(signin.token_ttl, settings.tokens.max_ttl)
        )
        self.renewal = Renewal(
            derive(secret, "renewed-tokens"),
            settings.tokens.audience,
            min(signin.token_ttl, settings.tokens.max_ttl),
            read_roles(settings.rooms),
        )
        levels = SettingsLevels(
            {role: WORDS[word] for role, word in signin.levels},
            tuple((each.room, WORDS[each.level]) for each in signin.rooms),
        )
        roles = frozenset(read_roles(settings.rooms))
        for index, each in enumerate(signin.providers):
            for role in each.roles:
                if role not in roles:
                    raise SettingsError(
                        "invalid_setting",
                        f"There is no role {role!r}.",
                        field=f"signin.providers[{index}].roles",
                        hint=f"Roles are {', '.join(sorted(roles))}; see configs/roles.toml.",
                    )
        self._invitations = InvitationDatabase(place)
        self.admission = Admission(self._invitations, levels, minter, self.pseudonyms, roles, served=served)
        self.providers = {
            each.id: RelyingParty(
                replace(_provider(each, f"signin.providers[{index}]"), roles=frozenset(each.roles)),
                self.http,
                self.pseudonyms,
                redirect_uri=f"{signin.public_url}/signin/{each.id}/callback",
            )
            for index, each in enumerate(signin.providers)
        }
        self.operators = {
            each.id: self._operator_provider(each, f"admin.providers[{index}]", signin.public_url)
            for index, each in enumerate(settings.admin.providers)
        }
        proofs = ProofChecker(self.nonces, ReplayCache())
        self.exchanges = {
            each.id: Exchange(_portal(each), self.http, self.admission, self.pseudonyms, proofs)
            for each in signin.exchanges
        }

    def _operator_provider(
        self, settings: OperatorProviderSettings, place: str, public_url: str | None
    ) -> OperatorProvider:
        rules = [
            OperatorRule(each.claim, frozenset(each.values), frozenset(each.rights)) for each in settings.operators
        ]
        party = RelyingParty(
            replace(_provider(settings, place), watched=watched(rules)),
            self.http,
            self.pseudonyms,
            redirect_uri=f"{public_url}/admin/signin/{settings.id}/callback",
        )
        return OperatorProvider(party, WORDS[settings.level], rules)

    def operator_sign_in(self, public_url: str | None) -> OperatorSignIn:
        """What the operators' door takes to have operators sign in at their providers."""
        pending = Sessions(
            self.pseudonyms.code, idle=PENDING_SECONDS, lifetime=PENDING_SECONDS, max_sessions=MAX_PENDING_OPERATORS
        )
        return OperatorSignIn(self.operators, pending, public_url or "")

    def reaches(self, level: Level) -> bool:
        """Whether anybody can sign in here as surely as that."""
        return level is Level.NONE or any(party.provider.highest >= level for party in self.providers.values())

    def issuers(self, tenants: Iterable[str]) -> list[Issuer]:
        """What the bridge itself signs join tokens as, for the verifier to know."""
        key = StaticKey.from_secret(self._token_key)
        without = self._without_vendor_consent
        served = tuple(dict.fromkeys(tenants))
        own = [
            Issuer(Minter.issuer_of(tenant), tenant, (key,), consent_by_vendor=tenant not in without)
            for tenant in served
        ]
        return own + self.renewal.issuers(served)

    def start(self) -> None:
        """Opens the invitations, and deletes those that expire from now on. Raises `InvitationError`."""
        self._invitations.open()
        self._invitations.start_sweeping()

    async def close(self) -> None:
        """Closes the connections to providers, and the invitations. Idempotent."""
        await self.http.close()
        await self._invitations.stop_sweeping()
        await in_thread(self._invitations.close)


def tenants(settings: Settings, *, development: bool) -> list[str]:
    """The vendors that the bridge serves."""
    known = [issuer.tenant for issuer in settings.tokens.issuers]
    return [*known, DEVELOPMENT_ISSUER] if development else known


def vendor_authenticator(settings: Settings, verifier: TokenVerifier) -> VendorAuthenticator:
    """Knows vendors by what their servers sign."""
    return VendorAuthenticator(verifier, settings.tokens.audience, settings.tokens.leeway)


def _secret(settings: Settings) -> bytes:
    """The one that the operator names, or the data directory's own, made at first start."""
    named = settings.signin.key_file

    def load() -> bytes:
        if named is not None:
            return read_secret(named)
        path = settings.data.directory / KEY_FILE
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        create_secret(path)
        return read_secret(path)

    return _loaded("signin.key_file", load)


def _loaded(place: str, load: Callable[[], bytes]) -> bytes:
    try:
        return load()
    except OSError as error:
        raise SettingsError("invalid_setting", f"{error.filename}: {error.strerror}", field=place) from None
    except KeyMaterialError as error:
        raise SettingsError("invalid_setting", error.message, field=place, hint=error.hint) from None


def _provider(settings: OpenIdSettings, place: str) -> Provider:
    key, secret = None, None
    if (key_file := settings.key_file) is not None:
        text = _loaded(f"{place}.key_file", key_file.read_bytes)
        try:
            key = SigningKey.load(text, algorithm=settings.key_algorithm, kid=settings.key_id)
        except KeyMaterialError as error:
            raise SettingsError("invalid_setting", error.message, field=f"{place}.key_file", hint=error.hint) from None
    elif (secret_file := settings.secret_file) is not None:
        secret = _loaded(f"{place}.secret_file", secret_file.read_bytes).decode(errors="replace").strip()
    else:
        secret = os.environ.get(settings.secret_env or "", "")
        if not secret:
            raise SettingsError("invalid_setting", "The variable is empty or not set.", field=f"{place}.secret_env")
    return Provider(
        id=settings.id,
        kind=cast(Kind, settings.kind),
        title=settings.title,
        issuer=settings.issuer,
        client_id=settings.client_id,
        key=key,
        secret=secret,
        scopes=settings.scopes,
        acr_values=settings.acr_values,
        acr_levels={acr: WORDS[word] for acr, word in settings.levels},
        algorithms=settings.algorithms,
    )


def _portal(settings: ExchangeSettings) -> Portal:
    provider = Provider(
        id=settings.id,
        kind=cast(Kind, settings.kind),
        title=settings.id,
        issuer=settings.issuer,
        client_id=settings.audience,
        acr_levels={acr: WORDS[word] for acr, word in settings.levels},
        algorithms=settings.algorithms,
    )
    return Portal(
        id=settings.id,
        tenant=settings.tenant,
        provider=provider,
        expected=Expected(settings.audience, frozenset(settings.scopes)),
        scheme=cast(Scheme, settings.scheme),
        roles=frozenset(settings.roles),
    )
