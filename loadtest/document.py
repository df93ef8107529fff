"""YAML and TOML files, and options of the command line, as trees that know on which line each value stands.

Every scalar is kept as the text that was written: what it means is for the reader of the field to say, so that a wrong
one is told together with what was expected there.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from loadtest.errors import InputError, Place, nearest

T = TypeVar("T")
_LARGEST_FILE = 1_000_000
_MOST_NODES = 20_000
"""Aliases of YAML can blow a few lines up to any size."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value: text, a list, or a mapping."""

    value: str | list[Node] | dict[str, Node]
    place: Place
    key: str = ""
    """Its name within the document, "down.loss.p13"; empty for the whole."""
    base: Path = Path()
    """What relative paths in it are relative to."""

    def wrong(self, expected: str, hint: str | None = None) -> InputError:
        """The error for a value that is not what was expected."""
        found = {list: "a list", dict: "a mapping"}.get(type(self.value), repr(self.value))
        name = f"{self.key} = {found}" if self.key else str(found)
        return InputError(f"{name}: expected {expected}", self.place, hint)

    def read(self, parse: Callable[[str], T]) -> T:
        """A scalar by a parser, which raises `ValueError` with what it expects."""
        if not isinstance(self.value, str):
            raise self.wrong(_expectation(parse))
        try:
            return parse(self.value)
        except ValueError as error:
            raise self.wrong(str(error)) from None

    def fields(self, known: Collection[str]) -> dict[str, Node]:
        """The values of a mapping, of which no other keys than `known` are accepted."""
        if not isinstance(self.value, dict):
            raise self.wrong(f"a mapping of {', '.join(known)}")
        for name, node in self.value.items():
            if name not in known:
                raise InputError(f"there is no {node.key!r} here", node.place, nearest(name, known))
        return self.value

    def items(self) -> list[Node]:
        """The values of a list."""
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return self.value

    def path(self) -> Path:
        """A path, relative ones to where the document stands."""
        return self.base / self.read(str)


def read_document(path: Path) -> Node:
    """Reads a file in YAML (.yaml, .yml) or TOML (.toml). Raises `InputError`."""
    place = Place(str(path))
    text = read_text(path, "a file in YAML or TOML")
    if path.suffix == ".toml":
        return _from_toml(text, place, path.parent)
    if path.suffix in (".yaml", ".yml"):
        return _from_yaml(text, place, path.parent)
    raise InputError("expected a name that ends in .yaml, .yml or .toml", place)


def read_text(path: Path, expected: str, largest: int = _LARGEST_FILE) -> str:
    """The text of a file. Raises `InputError` that names what was expected and the nearest file that there is."""
    place = Place(str(path))
    try:
        if path.stat().st_size > largest:
            raise InputError(f"the file is larger than {largest} bytes: expected {expected}", place)
        # Spreadsheets put a byte order mark in front.
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = nearest(path.name, beside) if beside else f"there is no folder {str(path.parent)!r}"
        raise InputError(f"there is no such file: expected {expected}", place, hint[:300]) from None
    except UnicodeDecodeError:
        raise InputError(f"this is not text in UTF-8: expected {expected}", place) from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror}): expected {expected}", place) from None


def from_option(option: str, text: str) -> Node:
    """Reads "rate=300k,loss.model=gilbert,…" of the command line: a dot reaches into a part. Raises `InputError`."""
    place = Place(option)
    root = Node({}, place)
    for pair in filter(None, text.split(",")):
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise InputError(f"{pair!r}: expected KEY=VALUE, with commas between them", place)
        *parents, last = name.split(".")
        node = root
        for part in parents:
            below = _mapping(node).setdefault(part, Node({}, place, _join(node.key, part)))
            node = below
        if last in _mapping(node):
            raise InputError(f"{name} is given twice", place)
        _mapping(node)[last] = Node(value, place, _join(node.key, last))
    return root


def _mapping(node: Node) -> dict[str, Node]:
    if not isinstance(node.value, dict):
        raise InputError(f"{node.key} is given as a value and in parts: expected one of both", node.place)
    return node.value


def _join(key: str, part: str) -> str:
    return f"{key}.{part}" if key else part


def _expectation(parse: Callable[[str], object]) -> str:
    """What a parser expects, which it says of any text that cannot be right."""
    try:
        parse("\0")
    except ValueError as error:
        return str(error)
    return "text"


def _from_yaml(text: str, place: Place, base: Path) -> Node:
    try:
        import yaml
    except ImportError:
        raise InputError("PyYAML is not installed", place, "pip install 'bridge[loadtest]', or write TOML") from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise InputError(f"this is not YAML: {error.problem}", Place(place.source, line)) from None
    except yaml.YAMLError as error:
        raise InputError(f"this is not YAML: {error}", place) from None
    if root is None:
        raise InputError("the file is empty", place)
    budget = [_MOST_NODES]

    def convert(node: yaml.Node, key: str, line: int) -> Node:
        budget[0] -= 1
        at = Place(place.source, line)
        if budget[0] < 0 or key.count(".") > 20:
            raise InputError(f"more than {_MOST_NODES} values, or values without end through aliases", at)
        if isinstance(node, yaml.ScalarNode):
            return Node(node.value, at, key, base)
        if isinstance(node, yaml.SequenceNode):
            entries = [
                convert(entry, f"{key}[{index}]", entry.start_mark.line + 1) for index, entry in enumerate(node.value)
            ]
            return Node(entries, at, key, base)
        fields: dict[str, Node] = {}
        for name, value in node.value:
            here = name.start_mark.line + 1
            if not isinstance(name, yaml.ScalarNode):
                raise InputError("expected a word as a key", Place(place.source, here))
            if name.value in fields:
                raise InputError(f"{_join(key, name.value)} is given twice", Place(place.source, here))
            fields[name.value] = convert(value, _join(key, name.value), here)
        return Node(fields, at, key, base)

    try:
        return convert(root, "", root.start_mark.line + 1)
    except RecursionError:
        raise InputError("values without end through aliases", place) from None


def _from_toml(text: str, place: Place, base: Path) -> Node:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = int(found[1]) if found else None
        raise InputError(f"this is not TOML: {error}", Place(place.source, line)) from None
    lines = _lines_of_toml(text)

    def convert(value: Any, key: str, line: int | None) -> Node:
        line = lines.get(key, line)
        at = Place(place.source, line)
        if isinstance(value, dict):
            return Node({name: convert(v, _join(key, name), line) for name, v in value.items()}, at, key, base)
        if isinstance(value, list):
            return Node([convert(v, f"{key}[{i}]", line) for i, v in enumerate(value)], at, key, base)
        written = str(value).lower() if isinstance(value, bool) else str(value)
        return Node(written, at, key, base)

    return convert(table, "", None)


def _lines_of_toml(text: str) -> dict[str, int]:
    """On which line each key stands, as far as it stands at the start of one: `tomllib` does not tell."""
    lines: dict[str, int] = {}
    table, counts = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), start=1):
        if found := re.match(r"\s*(\[\[?)\s*([^\]]+?)\s*\]", line):
            table = found[2].replace('"', "").replace("'", "")
            if found[1] == "[[":
                index = counts[table] = counts.get(table, -1) + 1
                table = f"{table}[{index}]"
            lines[table] = number
        elif found := re.match(r"\s*([\w.\"'-]+)\s*=", line):
            lines.setdefault(_join(table, found[1].replace('"', "").replace("'", "")), number)
    return lines
