"""All that an operator may set. The defaults stand here; `configs/bridge.toml` documents each key beside its default.

A value comes from the command line, else from the environment (`BRIDGE_SECTION_KEY`), else from the TOML file, else
it is the default. Lists stand between commas in the environment. What is unknown or wrong is refused at start.
"""

# `setting` and `required` make dataclass fields, as `dataclasses.field` does.
# ruff: noqa: RUF009

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.configuration import (
    ADDRESS,
    IP,
    NETWORK,
    OPTIONAL_DATABASE_URL,
    OPTIONAL_JWKS_URL,
    OPTIONAL_PATH,
    OPTIONAL_TEXT,
    ORIGIN,
    PATH,
    SWITCH,
    Address,
    Place,
    SettingsError,
    choice,
    duration,
    integer,
    list_of,
    matching,
    optional_line,
    read_table,
    read_text,
    required,
    setting,
    tables_of,
    unknown_key,
)
from bridge.leg_cpus import AUTO, LEG_CPUS, LegCpus
from bridge.signin_settings import OperatorProviderSettings, SignInSettings, check_operators, check_signin

ENVIRONMENT_PREFIX = "BRIDGE_"
CONFIG_VARIABLE = "BRIDGE_CONFIG"
RESERVED_ISSUER = "dev"
"""The issuer and tenant of the development key, which no vendor may take."""
OWN_ISSUERS = "urn:bridge:"
"""How the issuers begin in whose name the bridge itself signs join tokens."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """The HTTP server that the doors hang in."""

    listen: Address = setting(ADDRESS, "127.0.0.1:8080")
    tls_certificate: Path | None = setting(OPTIONAL_PATH, "")
    tls_key: Path | None = setting(OPTIONAL_PATH, "")
    trusted_proxies: tuple[str, ...] = setting(list_of(NETWORK), [])
    allowed_origins: tuple[str, ...] = setting(list_of(ORIGIN), ["*"])
    frame_ancestors: tuple[str, ...] = setting(list_of(ORIGIN), [])
    hsts: float = setting(duration("0s", "730d"), "365d")


@dataclass(frozen=True, slots=True)
class PageSettings:
    """What the operator's name stands on: the pages that patients and personnel see."""

    name: str | None = setting(optional_line(60), "")
    logo: Path | None = setting(OPTIONAL_PATH, "")
    support: str | None = setting(optional_line(200), "")


@dataclass(frozen=True, slots=True)
class MediaSection:
    """The data plane."""

    listen: tuple[Address, ...] = setting(list_of(ADDRESS), ["127.0.0.1:3478"])
    announced: tuple[str, ...] = setting(list_of(IP), [])
    workers: int = setting(integer(1, 64), 1)
    tcp: bool = setting(SWITCH, True)
    gather: float = setting(duration("0us", "10ms"), "2ms")
    speakers: int = setting(integer(0, 64), 3)
    self_tests: int = setting(integer(0, 1000), 20)
    consent_timeout: float = setting(duration("1s", "5m"), "30s")
    stall_timeout: float = setting(duration("500ms", "1m"), "3s")
    receive_buffer: int = setting(integer(65_536, 1 << 30), 4_194_304)
    send_buffer: int = setting(integer(65_536, 1 << 30), 4_194_304)


MAX_PARTICIPANTS = 128
"""Of a room: one message of a client names 256 sources, which are their microphones and cameras."""


@dataclass(frozen=True, slots=True)
class RoomSettings:
    """Bounds of rooms."""

    max_participants: int = setting(integer(2, MAX_PARTICIPANTS), 25)
    max_rooms: int = setting(integer(1, 1_000_000), 2000)
    max_rooms_per_tenant: int = setting(integer(1, 1_000_000), 1000)
    max_sources: int = setting(integer(1, 64), 8)
    grace: float = setting(duration("1s", "10m"), "30s")
    linger: float = setting(duration("0s", "1h"), "10s")
    max_waiting: int = setting(integer(1, 1000), 50)
    without_host: str = setting(choice("wait", "enter"), "wait")
    host_absence: float = setting(duration("1s", "1h"), "1m")
    reentry: float = setting(duration("0s", "1h"), "2m")
    consultation: float = setting(duration("1m", "4h"), "15m")
    opens_before: float = setting(duration("0s", "24h"), "15m")
    closes_after: float = setting(duration("0s", "24h"), "1h")
    max_length: float = setting(duration("1m", "7d"), "12h")
    video_consent: tuple[str, ...] = setting(
        list_of(matching(r"[^\s/]+/[^\s/]+", 'a room as "tenant/room", with * for any text')), []
    )
    roles_file: Path | None = setting(OPTIONAL_PATH, "")


@dataclass(frozen=True, slots=True)
class LegsSection:
    """Processes that transcode, compose and mix for those who cannot take what is sent."""

    max: int = setting(integer(0, 512), 8)
    memory: int = setting(integer(512 << 20, 64 << 30), 2 << 30)
    cpus: LegCpus = setting(LEG_CPUS, AUTO)
    language: str = setting(choice("nb", "nn", "en"), "nb")
    tests: int = setting(integer(0, 64), 4)
    test_lifetime: float = setting(duration("10s", "24h"), "10m")
    test_clips: Path | None = setting(OPTIONAL_PATH, "")


@dataclass(frozen=True, slots=True)
class RecordingSection:
    """Recordings and how long they are kept."""

    key_file: Path | None = setting(OPTIONAL_PATH, "")
    mode: str = setting(choice("tracks", "composed"), "tracks")
    composed_codec: str = setting(choice("vp8", "vp9"), "vp8")
    directory: Path | None = setting(OPTIONAL_PATH, "")
    retention: float = setting(duration("1h", "3650d"), "30d")
    minimum_free: int = setting(integer(0, 1 << 50), 1 << 30)


@dataclass(frozen=True, slots=True)
class KeySettings:
    """A key of an issuer: exactly one of the five places where it may be."""

    algorithm: str = required(choice("HS256", "RS256", "ES256", "EdDSA"))
    kid: str | None = setting(OPTIONAL_TEXT, "")
    secret_file: Path | None = setting(OPTIONAL_PATH, "")
    secret_env: str | None = setting(OPTIONAL_TEXT, "")
    pem_file: Path | None = setting(OPTIONAL_PATH, "")
    jwks_file: Path | None = setting(OPTIONAL_PATH, "")
    jwks_url: str | None = setting(OPTIONAL_JWKS_URL, "")


@dataclass(frozen=True, slots=True)
class IssuerSettings:
    """A vendor whose tokens are accepted."""

    issuer: str = required(matching(r"\S{1,256}", "a text without spaces, as in the tokens' claim iss"))
    tenant: str = required(
        matching(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}", "1 to 128 letters, digits or . _ ~ -, a letter or digit first")
    )
    keys: tuple[KeySettings, ...] = required(tables_of(KeySettings))
    may_skip_lobby: bool = setting(SWITCH, False)
    consent_by_vendor: bool = setting(SWITCH, True)


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """Join tokens."""

    audience: str = setting(matching(r"\S{1,256}", "a text without spaces"), "bridge")
    max_ttl: float = setting(duration("1m", "7d"), "1h")
    leeway: float = setting(duration("0s", "5m"), "30s")
    issuers: tuple[IssuerSettings, ...] = setting(tables_of(IssuerSettings), [])


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is logged to standard error."""

    level: str = setting(choice("debug", "info", "warning", "error"), "info")
    format: str = setting(choice("json", "text"), "json")


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Who may read /metrics."""

    allowed: tuple[str, ...] = setting(list_of(NETWORK), ["127.0.0.0/8", "::1/128"])


@dataclass(frozen=True, slots=True)
class AdminSettings:
    """The operators' page."""

    enabled: bool = setting(SWITCH, False)
    allowed: tuple[str, ...] = setting(list_of(NETWORK), ["127.0.0.0/8", "::1/128"])
    idle: float = setting(duration("1m", "24h"), "15m")
    lifetime: float = setting(duration("1m", "7d"), "8h")
    providers: tuple[OperatorProviderSettings, ...] = setting(tables_of(OperatorProviderSettings), [])


@dataclass(frozen=True, slots=True)
class DataSettings:
    """What the bridge keeps."""

    directory: Path = setting(PATH, ".data")


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """The database."""

    url: str | None = setting(OPTIONAL_DATABASE_URL, "")
    password_file: Path | None = setting(OPTIONAL_PATH, "")
    password_env: str | None = setting(OPTIONAL_TEXT, "")
    tls: bool = setting(SWITCH, True)
    tls_ca: Path | None = setting(OPTIONAL_PATH, "")
    tls_certificate: Path | None = setting(OPTIONAL_PATH, "")
    tls_key: Path | None = setting(OPTIONAL_PATH, "")


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Where a vendor is told what happens in its rooms."""

    tenant: str = required(matching(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}", "a tenant of tokens.issuers"))
    url: str = required(
        matching(
            r"(https://[^\s/@]+|http://(127\.0\.0\.1|localhost)(:\d+)?)(/\S*)?",
            'a URL that starts with "https://", or with "http://" on this machine',
        )
    )
    secret_file: Path | None = setting(OPTIONAL_PATH, "")
    secret_env: str | None = setting(OPTIONAL_TEXT, "")


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Webhooks, and the events that they tell of."""

    retention: float = setting(duration("1h", "90d"), "7d")
    endpoints: tuple[EndpointSettings, ...] = setting(tables_of(EndpointSettings), [])


@dataclass(frozen=True, slots=True)
class AuditSection:
    """The audit log."""

    retention: float = setting(duration("1d", "36500d"), "1825d")
    capacity: int = setting(integer(100, 1_000_000), 10_000)


@dataclass(frozen=True, slots=True)
class RecordsSection:
    """Records of calls and of sessions in them."""

    retention: float = setting(duration("1d", "3650d"), "400d")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything. Made by `load_settings`."""

    http: HttpSettings = field(default_factory=HttpSettings)
    page: PageSettings = field(default_factory=PageSettings)
    media: MediaSection = field(default_factory=MediaSection)
    legs: LegsSection = field(default_factory=LegsSection)
    recordings: RecordingSection = field(default_factory=RecordingSection)
    rooms: RoomSettings = field(default_factory=RoomSettings)
    tokens: TokenSettings = field(default_factory=TokenSettings)
    signin: SignInSettings = field(default_factory=SignInSettings)
    log: LogSettings = field(default_factory=LogSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    admin: AdminSettings = field(default_factory=AdminSettings)
    data: DataSettings = field(default_factory=DataSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    audit: AuditSection = field(default_factory=AuditSection)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    records: RecordsSection = field(default_factory=RecordsSection)


SECTIONS: Mapping[str, type] = {
    "http": HttpSettings,
    "page": PageSettings,
    "media": MediaSection,
    "legs": LegsSection,
    "recordings": RecordingSection,
    "rooms": RoomSettings,
    "tokens": TokenSettings,
    "signin": SignInSettings,
    "log": LogSettings,
    "metrics": MetricsSettings,
    "admin": AdminSettings,
    "data": DataSettings,
    "storage": StorageSettings,
    "audit": AuditSection,
    "webhooks": WebhookSettings,
    "records": RecordsSection,
}


def load_settings(
    config: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    options: Mapping[str, tuple[str, str]] | None = None,
) -> Settings:
    """Reads the settings. Raises `SettingsError`, which names the file or variable, the key and what was expected.

    `options` maps a key such as "http.listen" to the option that gave it and its text. Without `config`, the file is
    the one that the environment's `BRIDGE_CONFIG` names, if it does.
    """
    environment = os.environ if environment is None else environment
    if config is None and environment.get(CONFIG_VARIABLE):
        config = Path(environment[CONFIG_VARIABLE])
    sections: dict[str, Any] = {} if config is None else _read_file(config)
    here = Path()
    texts = list(_from_environment(environment))
    for key, (option, text) in (options or {}).items():
        section, _, name = key.partition(".")
        texts.append((section, name, option, text))
    for section, name, source, text in texts:
        cls = SECTIONS[section]
        value = read_text(cls, name, text, Place(source, f"{section}.{name}", here))
        sections[section] = dataclasses.replace(sections.get(section) or cls(), **{name: value})
    settings = Settings(**sections)
    _check_http(settings.http)
    _check_page(settings.page)
    _check_issuers(settings.tokens)
    check_signin(settings.signin)
    check_operators(settings.admin.providers, settings.signin.public_url)
    return settings


def check_for_production(settings: Settings) -> None:
    """Raises `SettingsError` for what only a development bridge may do."""
    if not settings.tokens.issuers:
        raise SettingsError(
            "missing_setting",
            "A bridge that knows no issuer lets nobody in.",
            field="tokens.issuers",
            hint="name a vendor in the configuration file, or try the bridge out with --dev",
        )
    http = settings.http
    if http.tls_certificate is None and not http.listen.is_loopback and not http.trusted_proxies:
        raise SettingsError(
            "invalid_setting",
            f"{http.listen} would serve cleartext HTTP to others.",
            field="http.listen",
            hint="set http.tls_certificate and http.tls_key, or http.trusted_proxies if a proxy ends TLS",
        )


def _read_file(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError("invalid_setting", f"{path}: {error.strerror or 'cannot be read'}") from None
    except ValueError as error:
        # Both what is no UTF-8 and what is no TOML.
        raise SettingsError("invalid_setting", f"{path}: {error}") from None
    root = Place(str(path), "", path.parent)
    for name in document:
        if name not in SECTIONS:
            raise unknown_key(root.at(name), name, SECTIONS)
    return {name: read_table(SECTIONS[name], table, root.at(name)) for name, table in document.items()}


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """Section, key, variable and text of every variable that is a setting.

    A variable is taken for a setting once it begins as a section's do; others that begin with BRIDGE_ may be anything,
    such as a vendor's secret.
    """
    for variable, text in sorted(environment.items()):
        section, underscore, name = variable.removeprefix(ENVIRONMENT_PREFIX).lower().partition("_")
        if not variable.startswith(ENVIRONMENT_PREFIX) or not underscore or section not in SECTIONS:
            continue
        known = [field.name for field in dataclasses.fields(SECTIONS[section])]
        if name not in known:
            raise unknown_key(Place(variable, f"{section}.{name}", Path()), name, known)
        yield section, name, variable, text


def _check_http(http: HttpSettings) -> None:
    if (http.tls_certificate is None) != (http.tls_key is None):
        given, missing = ("tls_certificate", "tls_key") if http.tls_key is None else ("tls_key", "tls_certificate")
        raise SettingsError("missing_setting", f"http.{given} needs http.{missing}.", field=f"http.{missing}")


def _check_page(page: PageSettings) -> None:
    if page.logo is not None and page.name is None:
        raise SettingsError(
            "missing_setting",
            "page.logo needs page.name.",
            field="page.name",
            hint="a logo alone says nothing to who hears the page",
        )


def _check_issuers(tokens: TokenSettings) -> None:
    seen: set[str] = set()
    for index, issuer in enumerate(tokens.issuers):
        place = f"tokens.issuers[{index}]"
        if RESERVED_ISSUER in (issuer.issuer, issuer.tenant):
            raise SettingsError("invalid_setting", f"{RESERVED_ISSUER!r} is kept for the development key.", field=place)
        if issuer.issuer.startswith(OWN_ISSUERS):
            raise SettingsError(
                "invalid_setting", f"{OWN_ISSUERS!r} begins the bridge's own issuers.", field=f"{place}.issuer"
            )
        if issuer.issuer in seen:
            raise SettingsError("invalid_setting", "Two issuers have this name.", field=f"{place}.issuer")
        seen.add(issuer.issuer)
        if not issuer.keys:
            raise SettingsError("missing_setting", "An issuer needs a key.", field=f"{place}.keys")
        for number, key in enumerate(issuer.keys):
            _check_key(key, f"{place}.keys[{number}]")


def _check_key(key: KeySettings, place: str) -> None:
    secrets = [name for name in ("secret_file", "secret_env") if getattr(key, name) is not None]
    public = [name for name in ("pem_file", "jwks_file", "jwks_url") if getattr(key, name) is not None]
    if len(secrets) + len(public) != 1:
        raise SettingsError(
            "invalid_setting",
            "A key has exactly one of secret_file, secret_env, pem_file, jwks_file and jwks_url.",
            field=place,
        )
    if (key.algorithm == "HS256") != bool(secrets):
        raise SettingsError(
            "invalid_setting", f"{(secrets + public)[0]} does not go with {key.algorithm}.", field=f"{place}.algorithm"
        )
