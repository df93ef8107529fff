"""The command `bridge token`."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from bridge.auth import DEVELOPMENT_ISSUER, Issuer, StaticKey, TokenVerifier, development_secret, mint
from bridge.auth.development import KEY_FILE
from bridge.commands.options import add_settings, read_settings
from bridge.configuration import SettingsError, parse_duration
from bridge.data_directory import make_data_directory
from bridge.issuers import claim_rules
from bridge.room import room_id


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    add_settings(parser)
    parser.add_argument("--room", required=True, metavar="ROOM", help="the room it opens")
    parser.add_argument("--identity", required=True, metavar="ID", help="whom it is for")
    parser.add_argument("--role", required=True, metavar="ROLE", help="as what, e.g. fastlege or pasient")
    parser.add_argument("--ttl", default="10m", metavar="TIME", help="how long it lives (default: %(default)s)")
    parser.add_argument("--name", metavar="NAME", help="the name shown to the others")
    parser.add_argument(
        "--grant", action="append", dest="grants", metavar="GRANT", help="narrow the role to this (can be repeated)"
    )
    parser.add_argument("--enters", choices=["lobby", "direct"], help="where it leads (default: as the role does)")
    parser.add_argument("--level", metavar="LEVEL", help="the level of the sign-in, such as idporten-loa-high")


def run(options: argparse.Namespace) -> int:
    """Prints a token that a bridge of these settings would take."""
    settings = read_settings(options)
    ttl = _lifetime(options.ttl)
    room_id(DEVELOPMENT_ISSUER, options.room)
    make_data_directory(settings.data.directory)
    new = not (settings.data.directory / KEY_FILE).exists()
    secret = development_secret(settings.data.directory, create=True)
    token = mint(
        secret,
        issuer=DEVELOPMENT_ISSUER,
        audience=settings.tokens.audience,
        room=options.room,
        identity=options.identity,
        role=options.role,
        name=options.name,
        grants=options.grants,
        enters=options.enters,
        level=options.level,
        issued_at=time.time(),
        ttl=ttl,
    )
    # Better refused here, where there is somebody to read why, than at the door.
    key = StaticKey.from_secret(secret, development=True)
    issuer = Issuer(DEVELOPMENT_ISSUER, DEVELOPMENT_ISSUER, (key,), may_skip_lobby=True)
    asyncio.run(TokenVerifier([issuer], claim_rules(settings)).verify(token))
    print(token)
    if new:
        # A slip in --data would be noticed at the door only.
        known = "only a bridge that runs with this data directory takes the token"
        print(f"bridge: made a development key in {settings.data.directory}: {known}", file=sys.stderr)
    return 0


def _lifetime(text: str) -> float:
    """Seconds of `--ttl`; how long a token may live at most is for the verifier to say."""
    try:
        seconds = parse_duration(text)
    except ValueError:
        seconds = 0.0
    if seconds < 1:
        raise SettingsError("invalid_setting", f"--ttl {text!r}: expected a duration such as 30s, 10m or 1h")
    return seconds
