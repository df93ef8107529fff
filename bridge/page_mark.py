"""The operator's mark of the pages, looked at before it is served: no logo that runs or loads anything."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from bridge.configuration import SettingsError
from bridge.settings import PageSettings
from bridge.signaling.mark import Logo, Mark

LOGO_BYTES = 32_768
"""Counts among the 150 kB that a patient's browser loads before the call (tests/web/budget.test.js)."""
_PNG = b"\x89PNG\r\n\x1a\n"
_SVG = "{http://www.w3.org/2000/svg}"
_LINKS = frozenset({"href", "{http://www.w3.org/1999/xlink}href"})
_EXPECTED = f"a PNG or an SVG without scripts and links to other files, of {LOGO_BYTES // 1024} kB at most"


def read_mark(page: PageSettings) -> Mark:
    """What stands on the pages. Raises `SettingsError` for a logo that cannot be served."""
    logo = None if page.logo is None else _read_logo(page.logo)
    return Mark(page.name or "", page.support or "", logo)


def _read_logo(path: Path) -> Logo:
    try:
        with path.open("rb") as file:
            content = file.read(LOGO_BYTES + 1)
    except OSError as error:
        raise _wrong(path, error.strerror or "it cannot be read") from None
    if len(content) > LOGO_BYTES:
        raise _wrong(path, "it is larger")
    if content.startswith(_PNG):
        return Logo(content, "image/png")
    fault = _fault_of_svg(content)
    if fault:
        raise _wrong(path, fault)
    return Logo(content, "image/svg+xml")


def _fault_of_svg(content: bytes) -> str:
    """What is wrong with an SVG; empty for nothing."""
    if b"<!ENTITY" in content:
        return "it declares entities"
    try:
        # The operator's own file, of 32 kB at most; expat bounds what entities in another encoding may grow to.
        root = ET.fromstring(content)  # noqa: S314
    except (ET.ParseError, ValueError, LookupError):
        return "it is neither"
    if root.tag != f"{_SVG}svg":
        return "it is neither"
    for node in root.iter():
        if node.tag.rpartition("}")[2] in ("script", "foreignObject"):
            return f"it has a <{node.tag.rpartition('}')[2]}>"
        for name, value in node.attrib.items():
            if name.lower().startswith("on"):
                return f"it has the handler {name}"
            if name in _LINKS and not value.startswith(("#", "data:image/")):
                return "it links to another file"
    return ""


def _wrong(path: Path, fault: str) -> SettingsError:
    return SettingsError(
        "invalid_setting",
        f"page.logo = {str(path)!r}: expected {_EXPECTED}; {fault}",
        field="page.logo",
        hint="docs/operators/page.md",
    )
