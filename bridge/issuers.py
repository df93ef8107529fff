"""Turns what the operator wrote of vendors and roles into what `bridge.auth` verifies with."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

from bridge.auth import (
    Algorithm,
    ClaimRules,
    Issuer,
    JwksFile,
    JwksUrl,
    KeyMaterialError,
    KeySource,
    StaticKey,
    TokenVerifier,
    development_issuer,
)
from bridge.configuration import SettingsError
from bridge.errors import BridgeError
from bridge.room import DEFAULT_ROLES, Role, parse_roles
from bridge.settings import KeySettings, RoomSettings, Settings


def make_verifier(settings: Settings, *, development: bool, more: Iterable[Issuer] = ()) -> TokenVerifier:
    """A verifier of the issuers in the settings, of `more`, and of the development key if `development`.

    Raises `SettingsError`, which names the issuer's key that cannot be used, or the roles file.
    """
    issuers = [
        Issuer(
            issuer.issuer,
            issuer.tenant,
            [_key(key, f"tokens.issuers[{i}].keys[{j}]") for j, key in enumerate(issuer.keys)],
            may_skip_lobby=issuer.may_skip_lobby,
            consent_by_vendor=issuer.consent_by_vendor,
        )
        for i, issuer in enumerate(settings.tokens.issuers)
    ]
    if development:
        issuers.append(development_issuer(settings.data.directory))
    return TokenVerifier([*issuers, *more], claim_rules(settings))


def tenants_without_vendor_consent(settings: Settings) -> frozenset[str]:
    """The tenants of which an issuer may not hand in consents: what holds of it holds of the tokens it has made."""
    return frozenset(issuer.tenant for issuer in settings.tokens.issuers if not issuer.consent_by_vendor)


def claim_rules(settings: Settings) -> ClaimRules:
    """What claims are held against. Raises `SettingsError` for a roles file that cannot be used."""
    tokens = settings.tokens
    return ClaimRules(
        tokens.audience, tokens.max_ttl, tokens.leeway, read_roles(settings.rooms), stay=settings.rooms.max_length
    )


def read_roles(rooms: RoomSettings) -> Mapping[str, Role]:
    """The roles of the operator's file, or the built-in ones. Raises `SettingsError`."""
    if rooms.roles_file is None:
        return DEFAULT_ROLES
    try:
        return parse_roles(tomllib.loads(rooms.roles_file.read_text(encoding="utf-8")))
    except OSError as error:
        raise _unusable(rooms.roles_file, error.strerror or "cannot be read") from None
    except (ValueError, BridgeError) as error:
        raise _unusable(rooms.roles_file, str(error)) from None


def _unusable(path: Path, why: str) -> SettingsError:
    return SettingsError("invalid_setting", f"{path}: {why}", field="rooms.roles_file")


def _key(key: KeySettings, place: str) -> KeySource:
    """Loads one key; settings see to it that it has exactly one place to be."""
    algorithm = cast(Algorithm, key.algorithm)
    try:
        if key.secret_file is not None:
            return StaticKey.from_secret(key.secret_file.read_bytes().strip(), key.kid)
        if key.secret_env is not None:
            return StaticKey.from_secret(os.environ.get(key.secret_env, "").encode(), key.kid)
        if key.pem_file is not None:
            return StaticKey.from_pem(key.pem_file.read_bytes(), algorithm, key.kid)
        if key.jwks_file is not None:
            return JwksFile(key.jwks_file, algorithm)
        return JwksUrl(cast(str, key.jwks_url), algorithm)
    except OSError as error:
        raise SettingsError("invalid_setting", f"{error.filename}: {error.strerror}", field=place) from None
    except KeyMaterialError as error:
        raise SettingsError("invalid_setting", error.message, field=place, hint=error.hint) from None
