"""Settings of sign-in: who vouches for people, what level each role takes, and whose access tokens are exchanged."""

# `setting` and `required` make dataclass fields, as `dataclasses.field` does.
# ruff: noqa: RUF009

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bridge.configuration import (
    ISSUER_URL,
    OPTIONAL_ORIGIN,
    OPTIONAL_PATH,
    OPTIONAL_TEXT,
    SettingsError,
    choice,
    duration,
    list_of,
    matching,
    required,
    setting,
    table_of,
    tables_of,
)

LEVEL_WORDS = ("none", "low", "substantial", "high")
ALGORITHM = choice("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
NAME = matching(r"[a-z][a-z0-9-]{0,31}", "1 to 32 small letters, digits or -, a letter first")
TEXT = matching(r".{1,256}", "a text of 1 to 256 characters")
SCOPE = matching(r"[\x21\x23-\x5b\x5d-\x7e]{1,256}", "a text without spaces")
LEVEL = choice(*LEVEL_WORDS)


@dataclass(frozen=True, slots=True)
class OpenIdSettings:
    """A provider, and the bridge as its client."""

    id: str = required(NAME)
    kind: str = required(choice("id-porten", "helseid", "oidc"))
    title: str = required(TEXT)
    issuer: str = required(ISSUER_URL)
    client_id: str = required(TEXT)
    key_file: Path | None = setting(OPTIONAL_PATH, "")
    key_id: str | None = setting(OPTIONAL_TEXT, "")
    key_algorithm: str = setting(ALGORITHM, "RS256")
    secret_file: Path | None = setting(OPTIONAL_PATH, "")
    secret_env: str | None = setting(OPTIONAL_TEXT, "")
    scopes: tuple[str, ...] = setting(list_of(SCOPE), [])
    acr_values: tuple[str, ...] = setting(list_of(SCOPE), [])
    algorithms: tuple[str, ...] = setting(list_of(ALGORITHM), ["RS256", "PS256", "ES256"])
    levels: tuple[tuple[str, str], ...] = setting(table_of(LEVEL), {})


@dataclass(frozen=True, slots=True)
class ProviderSettings(OpenIdSettings):
    """A provider that people sign in at."""

    roles: tuple[str, ...] = setting(list_of(TEXT), [])


@dataclass(frozen=True, slots=True)
class OperatorRuleSettings:
    """Which value of which claim makes an operator, with which rights besides looking."""

    claim: str = required(TEXT)
    values: tuple[str, ...] = required(list_of(TEXT))
    rights: tuple[str, ...] = setting(list_of(choice("drain")), [])


@dataclass(frozen=True, slots=True)
class OperatorProviderSettings(OpenIdSettings):
    """A provider that operators sign in at."""

    level: str = setting(LEVEL, "high")
    operators: tuple[OperatorRuleSettings, ...] = setting(tables_of(OperatorRuleSettings), [])


@dataclass(frozen=True, slots=True)
class RoomLevelSettings:
    """What sign-in some rooms take, whatever the role."""

    room: str = required(matching(r"\S{1,257}", 'a room with its vendor, such as "vendor/time-*"'))
    level: str = required(LEVEL)


@dataclass(frozen=True, slots=True)
class ExchangeSettings:
    """A portal whose access tokens are exchanged for join tokens."""

    id: str = required(NAME)
    tenant: str = required(TEXT)
    kind: str = required(choice("id-porten", "helseid", "oidc"))
    issuer: str = required(ISSUER_URL)
    audience: str = required(TEXT)
    scopes: tuple[str, ...] = required(list_of(SCOPE))
    scheme: str = setting(choice("dpop", "bearer"), "dpop")
    roles: tuple[str, ...] = setting(list_of(TEXT), [])
    algorithms: tuple[str, ...] = setting(list_of(ALGORITHM), ["RS256", "PS256", "ES256"])
    levels: tuple[tuple[str, str], ...] = setting(table_of(LEVEL), {})


@dataclass(frozen=True, slots=True)
class SignInSettings:
    """Sign-in, invitations and token exchange."""

    public_url: str | None = setting(OPTIONAL_ORIGIN, "")
    key_file: Path | None = setting(OPTIONAL_PATH, "")
    idle: float = setting(duration("1m", "2h"), "30m")
    lifetime: float = setting(duration("5m", "12h"), "2h")
    token_ttl: float = setting(duration("1m", "1h"), "10m")
    levels: tuple[tuple[str, str], ...] = setting(
        table_of(LEVEL),
        {"fastlege": "high", "legevaktlege": "high", "spesialist": "high", "helsepersonell": "high", "pasient": "high"},
    )
    rooms: tuple[RoomLevelSettings, ...] = setting(tables_of(RoomLevelSettings), [])
    providers: tuple[ProviderSettings, ...] = setting(tables_of(ProviderSettings), [])
    exchanges: tuple[ExchangeSettings, ...] = setting(tables_of(ExchangeSettings), [])


RESERVED_IDS = frozenset({"session", "invitation", "answer", "join", "signout"})
"""Paths of the door, which no provider may be called by."""


def check_operators(providers: Sequence[OperatorProviderSettings], public_url: str | None) -> None:
    """Raises `SettingsError` for providers of operators that do not hold together."""
    if providers and public_url is None:
        raise SettingsError(
            "missing_setting",
            "Providers have to know the bridge by its address.",
            field="signin.public_url",
            hint='for example "https://bridge.example"',
        )
    for index, provider in enumerate(providers):
        place = f"admin.providers[{index}]"
        if provider.id in [each.id for each in providers[:index]]:
            raise SettingsError("invalid_setting", "Two have this id.", field=f"{place}.id")
        _check_client(provider, place)
        if provider.kind == "oidc" and provider.level != "none":
            _check_levels(provider, place)
            reached = max(LEVEL_WORDS.index(word) for _, word in provider.levels)
            if reached < LEVEL_WORDS.index(provider.level):
                raise SettingsError(
                    "invalid_setting",
                    f"No sign-in there reaches the level {provider.level!r}: nobody would get in.",
                    field=f"{place}.level",
                    hint=f"The highest of its levels is {LEVEL_WORDS[reached]!r}.",
                )
        elif provider.kind != "oidc":
            _check_levels(provider, place)
        if not provider.operators:
            raise SettingsError(
                "missing_setting",
                "It takes a rule that says who is an operator: not everybody who has an account there is.",
                field=f"{place}.operators",
                hint='[[admin.providers.operators]] with claim = "groups" and values = ["bridge-operators"]',
            )
        for number, rule in enumerate(provider.operators):
            if not rule.values:
                raise SettingsError(
                    "invalid_setting",
                    "A rule without a value fits nobody.",
                    field=f"{place}.operators[{number}].values",
                    hint='for example ["bridge-operators"]',
                )


def check_signin(signin: SignInSettings) -> None:
    """Raises `SettingsError` for what does not hold together."""
    if (signin.providers or signin.exchanges) and signin.public_url is None:
        raise SettingsError(
            "missing_setting",
            "Providers and portals have to know the bridge by its address.",
            field="signin.public_url",
            hint='for example "https://bridge.example"',
        )
    for index, provider in enumerate(signin.providers):
        _check_provider(provider, f"signin.providers[{index}]")
    for kind, ids in (
        ("providers", [each.id for each in signin.providers]),
        ("exchanges", [each.id for each in signin.exchanges]),
    ):
        for index, name in enumerate(ids):
            if name in ids[:index]:
                raise SettingsError("invalid_setting", "Two have this id.", field=f"signin.{kind}[{index}].id")
    for index, exchange in enumerate(signin.exchanges):
        if not exchange.scopes:
            raise SettingsError(
                "missing_setting", "A portal's tokens need a scope.", field=f"signin.exchanges[{index}].scopes"
            )


def _check_provider(provider: ProviderSettings, place: str) -> None:
    if provider.id in RESERVED_IDS:
        raise SettingsError("invalid_setting", f"{provider.id!r} is taken.", field=f"{place}.id")
    _check_client(provider, place)
    _check_levels(provider, place)


def _check_client(provider: OpenIdSettings, place: str) -> None:
    ways = [name for name in ("key_file", "secret_file", "secret_env") if getattr(provider, name) is not None]
    if len(ways) != 1:
        raise SettingsError(
            "invalid_setting", "A provider has exactly one of key_file, secret_file and secret_env.", field=place
        )
    if provider.kind == "helseid" and ways != ["key_file"]:
        raise SettingsError("invalid_setting", "HelseID takes signed assertions only.", field=f"{place}.key_file")


def _check_levels(provider: OpenIdSettings, place: str) -> None:
    if (provider.kind == "oidc") != bool(provider.levels):
        raise SettingsError(
            "invalid_setting",
            'A provider of the kind "oidc" says what its acr are worth, and no other does.',
            field=f"{place}.levels",
        )
