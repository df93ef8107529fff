"""Our own faults: a client gets an incident id and nothing else, the log gets the rest."""

from __future__ import annotations

import logging
import secrets

from bridge.errors import BridgeError

_log = logging.getLogger(__name__)


def internal_error(where: str) -> BridgeError:
    """Logs the exception at hand and returns what to tell the client about it. To be called in an `except` block."""
    # Ten digits at most: logs would take eleven for an identity number, and leave them out.
    incident = secrets.token_hex(5)
    _log.exception("Internal error", extra={"incident": incident, "where": where})
    return BridgeError(
        "internal_error",
        f"Something went wrong inside the bridge (incident {incident}).",
        hint="Report the incident id to whoever runs the bridge.",
    )
