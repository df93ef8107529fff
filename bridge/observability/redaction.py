"""Takes out of log texts what must not be kept: the last fence, for what code of others may log.

Our own code logs ids and codes and no values of clients. Libraries know no such rule.
"""

from __future__ import annotations

import re

REDACTED = "[redacted]"

_PATTERNS = re.compile(
    "|".join(
        (
            # JWTs, whole or cut off, with the URL fragment or scheme in front of them.
            r"(?:Bearer\s+\S+)",
            r"(?:\beyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){0,2})",
            # Join links: whatever stands behind the fragment sign opens a room.
            r"(?:/(?:join|signin|admin)#\S+)",
            # Keys of vendors' servers and of operators.
            r"(?:\bbr[ko]_[0-9a-f]{12}_\S+)",
            # Mail addresses.
            r"(?:[\w.+-]+@[\w-]+(?:\.[\w-]+)+)",
            # IPv4 addresses.
            r"(?:(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]))",
            # IPv6 addresses: full, or shortened by "::" with a group on either side (alone it is nobody's address).
            r"(?:(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?![\w:]))",
            r"(?:(?<![\w:])[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6}::"
            r"(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?(?:%\w+)?(?![\w:]))",
            r"(?:(?<![\w:])::[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6}(?:%\w+)?(?![\w:]))",
            # Ids of recordings, webhooks and records stay: in one of fifty, eleven digits stand together by chance.
            r"(?P<id>(?<![0-9A-Za-z])[0-9a-f]{32}(?![0-9A-Za-z]))",
            # Norwegian national identity numbers and D-numbers, also in the usual groups of six and five.
            r"(?:(?<!\d)\d{6} ?\d{5}(?!\d))",
        )
    )
)

PRIVATE_KEYS = frozenset(
    {
        "address",
        "authorization",
        "candidate",
        "client",
        "email",
        "headers",
        "host",
        "identity",
        "ip",
        "link",
        "participant_name",
        "password",
        "peer",
        "remote",
        "sdp",
        "secret",
        "sub",
        "token",
        "url",
        "username",
    }
)
"""Keys of log fields whose values are never written, whatever they are."""


def redact(text: str) -> str:
    """The text without tokens, links, addresses and national identity numbers."""
    return _PATTERNS.sub(lambda found: found["id"] or REDACTED, text)
