"""Reads dataclasses out of TOML tables and texts, and says where a value is wrong and what was expected instead.

A settings dataclass declares each key by `setting(kind, default)`, or `required(kind)`. A `Kind` knows how to read a
value from TOML and from text (environment and command line), and how to say what it expects.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from bridge.errors import BridgeError

T = TypeVar("T")
S = TypeVar("S")

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d)")


class SettingsError(BridgeError):
    """A setting is wrong. `field` is its key. Codes: `invalid_setting`, `unknown_setting`, `missing_setting`."""

    def __str__(self) -> str:
        # Most messages name the key where it stands, behind the file or variable.
        if self.field is not None and self.field in self.message:
            return self.message if self.hint is None else f"{self.message} ({self.hint})"
        return super().__str__()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, for messages and for relative paths."""

    source: str
    """A file, an environment variable or an option."""
    key: str
    base: Path
    """What relative paths are relative to."""

    def at(self, key: str | int) -> Place:
        """The place of a part of the value."""
        part = f"[{key}]" if isinstance(key, int) else f".{key}" if self.key else key
        return dataclasses.replace(self, key=self.key + part)

    def wrong(self, value: object, expected: str) -> SettingsError:
        """The error for a value that is not what was expected."""
        return SettingsError(
            "invalid_setting", f"{self.source}: {self.key} = {value!r}: expected {expected}", field=self.key
        )


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of value: what is expected, and how to read it. Readers raise `ValueError` for anything else."""

    expected: str
    from_toml: Callable[[Any, Place], T]
    from_text: Callable[[str, Place], T]


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address and port to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def is_unspecified(self) -> bool:
        """Whether it stands for every address of this machine."""
        return ipaddress.ip_address(self.host).is_unspecified


def setting(kind: Kind[T], default: object) -> Any:
    """A dataclass field that holds a value of `kind`; `default` is written as it is in TOML."""
    value = kind.from_toml(default, Place("default", "", Path()))
    return dataclasses.field(default=value, metadata={"kind": kind, "default": default})


def required(kind: Kind[T]) -> Any:
    """A dataclass field that has to be given."""
    return dataclasses.field(metadata={"kind": kind})


def read_table(cls: type[T], table: object, place: Place) -> T:
    """Reads a dataclass out of a TOML table. Raises `SettingsError`."""
    if not isinstance(table, Mapping):
        raise place.wrong(table, "a table")
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in table:
        if key not in fields:
            raise unknown_key(place.at(key), key, fields)
    values = {}
    for name, field in fields.items():
        if name in table:
            values[name] = _read(field.metadata["kind"].from_toml, field.metadata["kind"], table[name], place.at(name))
        elif field.default is dataclasses.MISSING:
            key = place.at(name).key
            raise SettingsError("missing_setting", f"{place.source}: {key} is missing", field=key)
    return cls(**values)


def read_text(cls: type[Any], name: str, text: str, place: Place) -> Any:
    """Reads one value of a dataclass, as written in the environment or on the command line."""
    kind = next(field for field in dataclasses.fields(cls) if field.name == name).metadata["kind"]
    return _read(kind.from_text, kind, text, place)


def unknown_key(place: Place, key: str, known: Iterable[str]) -> SettingsError:
    """The error for a key that does not exist."""
    near = get_close_matches(key, list(known), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(known))}"
    return SettingsError("unknown_setting", f"{place.source}: there is no {place.key}", field=place.key, hint=hint)


def _read(reader: Callable[[Any, Place], T], kind: Kind[T], value: Any, place: Place) -> T:
    try:
        return reader(value, place)
    except (ValueError, TypeError, OverflowError):
        raise place.wrong(value, kind.expected) from None


def _texts(expected: str, read: Callable[[str], T]) -> Kind[T]:
    """A kind that is written as text everywhere."""

    def from_toml(value: Any, _place: Place) -> T:
        if not isinstance(value, str):
            raise TypeError(value)
        return read(value)

    return Kind(expected, from_toml, lambda text, _place: read(text))


def _optional(kind: Kind[T]) -> Kind[T | None]:
    """A kind of which "" means none."""
    return Kind(
        f'{kind.expected}, or ""',
        lambda value, place: None if value == "" else kind.from_toml(value, place),
        lambda text, place: None if text == "" else kind.from_text(text, place),
    )


def list_of(kind: Kind[T]) -> Kind[tuple[T, ...]]:
    """A list; in text its values stand between commas."""

    def from_toml(value: Any, place: Place) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise TypeError(value)
        return tuple(_read(kind.from_toml, kind, item, place.at(index)) for index, item in enumerate(value))

    def from_text(text: str, place: Place) -> tuple[T, ...]:
        items = [item.strip() for item in text.split(",")] if text.strip() else []
        return tuple(_read(kind.from_text, kind, item, place) for item in items)

    return Kind(f"a list, each {kind.expected}", from_toml, from_text)


def table_of(kind: Kind[T]) -> Kind[tuple[tuple[str, T], ...]]:
    """Names with a value each, as pairs; in text they stand as name=value between commas."""

    def from_toml(value: Any, place: Place) -> tuple[tuple[str, T], ...]:
        if not isinstance(value, Mapping):
            raise TypeError(value)
        return tuple((name, _read(kind.from_toml, kind, item, place.at(name))) for name, item in value.items())

    def from_text(text: str, place: Place) -> tuple[tuple[str, T], ...]:
        pairs = [item.strip().partition("=") for item in text.split(",")] if text.strip() else []
        if not all(name and equals for name, equals, _ in pairs):
            raise ValueError(text)
        return tuple((name, _read(kind.from_text, kind, item, place.at(name))) for name, _, item in pairs)

    return Kind(f"a table whose values are each {kind.expected}", from_toml, from_text)


def tables_of(cls: type[T]) -> Kind[tuple[T, ...]]:
    """A list of tables, each read into a dataclass. It cannot be given as text."""

    def from_toml(value: Any, place: Place) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise TypeError(value)
        return tuple(read_table(cls, item, place.at(index)) for index, item in enumerate(value))

    def from_text(text: str, place: Place) -> tuple[T, ...]:
        raise ValueError(text)

    return Kind("a list of tables in the configuration file", from_toml, from_text)


def integer(lowest: int, highest: int) -> Kind[int]:
    """A whole number within bounds, both included."""
    expected = f"a whole number from {lowest} to {highest}"

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise ValueError(value)
        return value

    return Kind(expected, lambda value, _place: check(value), lambda text, _place: check(int(text)))


def duration(lowest: str, highest: str) -> Kind[float]:
    """A duration within bounds such as "30s"; its value is in seconds."""
    bounds = parse_duration(lowest), parse_duration(highest)

    def read(text: str) -> float:
        seconds = parse_duration(text)
        if not bounds[0] <= seconds <= bounds[1]:
            raise ValueError(text)
        return seconds

    # The bounds show how one is written; an example would have to lie between them.
    return _texts(f'a duration from "{lowest}" to "{highest}"', read)


def parse_duration(text: str) -> float:
    """Seconds of a duration such as "200us", "30s", "10m" or "1.5h". Raises `ValueError`."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return float(match[1]) * _UNITS[match[2]]


def choice(*options: str) -> Kind[str]:
    """One of a few words."""

    def read(text: str) -> str:
        if text not in options:
            raise ValueError(text)
        return text

    return _texts("one of " + ", ".join(f'"{option}"' for option in options), read)


def matching(pattern: str, expected: str) -> Kind[str]:
    """A text that matches a pattern as a whole."""
    compiled = re.compile(pattern)

    def read(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(text)
        return text

    return _texts(expected, read)


def optional_line(longest: int) -> Kind[str | None]:
    """A text on one line for people to read, of so many characters at most; "" means none."""

    def read(text: str) -> str:
        if not text.isprintable() or text != text.strip() or not 1 <= len(text) <= longest:
            raise ValueError(text)
        return text

    return _optional(_texts(f"a text of 1 to {longest} characters on one line", read))


def parse_address(text: str) -> Address:
    """Reads "127.0.0.1:8080", "[::1]:8080" or "localhost:8080". Raises `ValueError`."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(text)
    if host == "localhost":
        return Address("127.0.0.1", int(port))
    if host.startswith("[") and host.endswith("]"):
        return Address(str(ipaddress.IPv6Address(host[1:-1])), int(port))
    return Address(str(ipaddress.IPv4Address(host)), int(port))


def _read_network(text: str) -> str:
    return str(ipaddress.ip_network(text))


def _read_origin(text: str) -> str:
    if text == "*":
        return text
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or text != f"{parts.scheme}://{parts.netloc}":
        raise ValueError(text)
    return text


def _read_own_origin(text: str) -> str:
    return _read_origin(_read_jwks_url(text))


def _read_jwks_url(text: str) -> str:
    parts = urlsplit(text)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or parts.username or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise ValueError(text)
    return text


def _path_from_toml(value: Any, place: Place) -> Path:
    if not isinstance(value, str) or value == "" or "\0" in value:
        raise ValueError(value)
    return place.base / value


def _switch_from_toml(value: Any, _place: Place) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _switch_from_text(text: str, _place: Place) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


SWITCH: Kind[bool] = Kind("true or false", _switch_from_toml, _switch_from_text)
ADDRESS = _texts('an address and port such as "127.0.0.1:8080" or "[::1]:8080"', parse_address)
IP = _texts('an IP address such as "192.0.2.1"', lambda text: str(ipaddress.ip_address(text)))
NETWORK = _texts('an IP address or network such as "10.0.0.0/8"', _read_network)
ORIGIN = _texts('an origin such as "https://vendor.example", without a path, or "*"', _read_origin)
PATH: Kind[Path] = Kind("a path", _path_from_toml, _path_from_toml)
OPTIONAL_PATH = _optional(PATH)
OPTIONAL_JWKS_URL = _optional(_texts('a URL that starts with "https://"', _read_jwks_url))
ISSUER_URL = _texts('an issuer that starts with "https://", as the provider writes it', _read_jwks_url)
OPTIONAL_ORIGIN = _optional(_texts('an origin such as "https://bridge.example", without a path', _read_own_origin))
OPTIONAL_TEXT = _optional(matching(r".{1,256}", "a text of 1 to 256 characters"))
OPTIONAL_DATABASE_URL = _optional(matching(r"postgres(ql)?://\S+", 'a URL that starts with "postgresql://"'))
