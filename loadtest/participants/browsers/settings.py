"""What browsers are started with, whoever starts them: `settings.json`, which tests/browser/launch.js reads, too."""

from __future__ import annotations

import json
from pathlib import Path

_SETTINGS = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))

CHROMIUM_FLAGS: tuple[str, ...] = tuple(flag for group in _SETTINGS["chromium"] for flag in group["flags"])
"""Words of its command line."""
FIREFOX_PREFERENCES: dict[str, bool | int | str] = {
    name: value for group in _SETTINGS["firefox"] for name, value in group["preferences"].items()
}
"""What `user.js` of a profile says."""
