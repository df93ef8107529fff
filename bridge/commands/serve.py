"""The command `bridge serve`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys

import uvloop

from bridge import development
from bridge.app import Application
from bridge.audit import Entry
from bridge.audit import command as audit_log
from bridge.auth import DEVELOPMENT_ISSUER
from bridge.auth.printed_keys import refuse_printed_keys
from bridge.commands.options import add_settings, read_settings
from bridge.commands.running import run_until_asked
from bridge.configuration import SettingsError
from bridge.errors import BridgeError
from bridge.issuers import read_roles
from bridge.observability import configure_logging
from bridge.sandbox import sandbox_key
from bridge.settings import Settings, check_for_production


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    add_settings(parser, listening=True)
    parser.add_argument("--dev", action="store_true", help="accept the development key, print links for a test call")
    parser.add_argument("--insecure", action="store_true", help="with --dev: cleartext HTTP on any address")


TRY_AGAIN = 75
"""Exit code (EX_TEMPFAIL of sysexits.h): the database, or the disk under it, cannot be used now. A power cut that ended
both leaves the bridge waiting for its database, not lying there until somebody comes."""
_MAY_MEND_ITSELF = ("audit_unavailable", "records_unavailable")


def run(options: argparse.Namespace) -> int:
    """Serves until it is told to end."""
    settings = read_settings(options)
    remark = None
    if options.dev:
        prepared = development.prepare(settings, insecure=options.insecure)
        settings, remark = prepared.settings, prepared.media
    elif options.insecure:
        raise SettingsError("invalid_setting", "--insecure goes with --dev only.")
    else:
        check_for_production(settings)
        refuse_printed_keys(settings.data.directory)
    configure_logging(settings.log.level, "text" if options.dev and sys.stderr.isatty() else settings.log.format)

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, remark))
    except BridgeError as error:
        if error.code not in _MAY_MEND_ITSELF:
            raise
        print(f"bridge: {error}", file=sys.stderr)
        return TRY_AGAIN
    return 0


async def _serve(settings: Settings, remark: str | None) -> None:
    """Serves. A development bridge has a remark, which is printed below its links."""
    application = Application(settings, development=remark is not None)
    await application.start()
    # What was made so far lives as long as the process. Collections need not look through it again: each would hold up
    # signalling for tens of milliseconds.
    gc.collect()
    gc.freeze()
    if remark is not None:
        _print_links(settings, application.http_port, remark)
    await run_until_asked(application)


def _print_links(settings: Settings, port: int, remark: str) -> None:
    roles = read_roles(settings.rooms)
    print("A test call. Open two or more of these links, each in a window of its own:\n")
    for role, link in development.links(settings, port, roles):
        print(f"  {role:<16}{link}\n")
    data = settings.data.directory
    key = sandbox_key(
        data,
        lambda key: audit_log.note(
            settings, Entry("api_key_created", DEVELOPMENT_ISSUER, actor="operator", details={"key": key})
        ),
    )
    print("For vendors: the protocol step by step in a browser, and a key for the REST API.\n")
    print(f"  {'sandbox':<16}{development.sandbox_link(settings, port)}\n")
    print(f"  {'API key':<16}{key}\n")
    link = development.operator_link(
        settings,
        port,
        lambda key: audit_log.note(settings, Entry("operator_key_created", actor="operator", details={"key": key})),
    )
    print("For operators: what the bridge does. The link holds the key to sign in by.\n")
    print(f"  {'admin':<16}{link}\n")
    if settings.http.tls_certificate is not None:
        print("The certificate is self-signed: the browser asks once whether to trust it.")
    print(f"{remark}\n")
    sys.stdout.flush()
