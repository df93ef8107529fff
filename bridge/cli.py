"""The command `bridge`. `bridge --help` lists what it does.

What goes wrong is one line on standard error and exit code 2; `bridge check` exits with 1 if this machine is not fit,
`bridge audit verify` if the log is not whole, `bridge conformance` if the client does not conform.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gc
import json
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bridge.audit import Entry
from bridge.audit import command as audit_log
from bridge.auth import DEVELOPMENT_ISSUER, Issuer, StaticKey, TokenVerifier, development_secret, mint
from bridge.auth.printed_keys import refuse_printed_keys
from bridge.configuration import SettingsError, parse_duration
from bridge.conformance.arguments import add_arguments as add_conformance_arguments
from bridge.data_directory import make_data_directory, need_data_directory
from bridge.errors import BridgeError
from bridge.issuers import claim_rules, read_roles
from bridge.machine_check import Finding, Status, check_machine
from bridge.observability import AdminClient, configure_logging
from bridge.operating import api_key_command as api_keys
from bridge.operating import command as operating
from bridge.recordings import export_to, open_store, recordings_as_json, recordings_as_table, with_development_key
from bridge.records.command import add_arguments as add_records_arguments
from bridge.records.command import export as export_records
from bridge.room import room_id
from bridge.settings import Settings, check_for_production, load_settings
from bridge.signin import tenants
from bridge.storage import StorageError
from bridge.transcode.recording import COMPOSED, new_key_line

UNFIT = 1
UNSOUND = 1
NONCONFORMING = 1
WRONG = 2
"""Exit codes: the machine is not fit to run the bridge; the audit log is not whole; a client does not conform; the
command could not do what it was asked to."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    from bridge import standard_output

    standard_output.speak_utf8()
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        code = command(options)
        standard_output.flush()
        return code
    except BrokenPipeError:
        standard_output.give_up()
        return standard_output.READER_GONE
    except BridgeError as error:
        print(f"bridge: {error}", file=sys.stderr)
    except StorageError as error:
        print(f"bridge: the database cannot be used: {error}", file=sys.stderr)
    except OSError as error:
        standard_output.give_up()
        print(f"bridge: {_describe(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        # Before or after the part of `serve` that takes the signal as a request to end.
        print("bridge: interrupted", file=sys.stderr)
    return WRONG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bridge", description="Joins different video systems in one call.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    serve = _command(commands, "serve", _serve, "run the bridge")
    _add_settings(serve, listening=True)
    serve.add_argument("--dev", action="store_true", help="accept the development key, print links for a test call")
    serve.add_argument("--insecure", action="store_true", help="with --dev: cleartext HTTP on any address")

    token = _command(commands, "token", _token, "print a join token signed by the development key, and nothing else")
    _add_settings(token)
    token.add_argument("--room", required=True, metavar="ROOM", help="the room it opens")
    token.add_argument("--identity", required=True, metavar="ID", help="whom it is for")
    token.add_argument("--role", required=True, metavar="ROLE", help="as what, e.g. fastlege or pasient")
    token.add_argument("--ttl", default="10m", metavar="TIME", help="how long it lives (default: %(default)s)")
    token.add_argument("--name", metavar="NAME", help="the name shown to the others")
    token.add_argument(
        "--grant", action="append", dest="grants", metavar="GRANT", help="narrow the role to this (can be repeated)"
    )

    token.add_argument("--enters", choices=["lobby", "direct"], help="where it leads (default: as the role does)")
    token.add_argument("--level", metavar="LEVEL", help="the level of the sign-in, such as idporten-loa-high")

    check = _command(commands, "check", _check, "say whether this machine can run the bridge, and how to mend it")
    _add_settings(check, listening=True)
    check.add_argument("--dev", action="store_true", help="for a development bridge")

    rooms = _command(commands, "rooms", _rooms, "list the rooms of the running bridge, or report on one")
    _add_settings(rooms)
    rooms.add_argument(
        "action", nargs="?", choices=["report"], help="report: write what the connections of ROOM did lately"
    )
    rooms.add_argument("room", nargs="?", metavar="ROOM", help="as `bridge rooms` names it")
    rooms.add_argument("--output", type=Path, metavar="FILE", help="with report: the archive (default: report.zip)")
    rooms.add_argument("--json", action="store_true", help="as JSON")

    recordings = _command(
        commands, "recordings", _recordings, "list recordings, give one out, delete one, exchange keys"
    )
    _add_settings(recordings)
    recordings.add_argument(
        "action",
        nargs="?",
        default="list",
        choices=["list", "export", "delete", "rotate", "new-key"],
        help="rotate: lock all recordings with the first key of the key file; new-key: print a line for that file",
    )
    recordings.add_argument("recording", nargs="?", metavar="ID", help="the recording; with new-key, the key's id")
    recordings.add_argument("--stream", default=COMPOSED, metavar="NAME", help="with export (default: %(default)s)")
    recordings.add_argument("--output", type=Path, metavar="FILE", help="with export (default: ID.webm)")
    recordings.add_argument("--json", action="store_true", help="with list: as JSON")

    records = _command(commands, "records", _records, "write out what calls and sessions in them came to")
    _add_settings(records)
    add_records_arguments(records)

    test_leg = _command(commands, "test-leg", _test_leg, "join a room as an echo or a clock, or play a file into it")
    test_leg.add_argument(
        "what",
        choices=["echo", "play", "clock"],
        help="echo: what the last who came sends; play: FILE; clock: time code and tone",
    )
    test_leg.add_argument("file", nargs="?", type=Path, metavar="FILE", help="with play: sound, picture or both")
    test_leg.add_argument(
        "--token", required=True, metavar="TOKEN", help="its join token, as `bridge token` prints one"
    )
    test_leg.add_argument("--url", default="ws://127.0.0.1:8080/v1/signal", help="the door (default: %(default)s)")

    conformance = _command(
        commands, "conformance", _conformance, "examine your own client: it connects to a bridge through this command"
    )
    add_conformance_arguments(conformance)

    audit = _command(commands, "audit", _audit, "check that the audit log is whole, or write it out as JSON lines")
    _add_settings(audit)
    audit_log.add_arguments(audit)

    storage = _command(commands, "storage", _storage, "move what a stopped bridge keeps to the server of storage.url")
    _add_settings(storage)
    storage.add_argument("action", choices=["move"])

    apikey = _command(commands, "apikey", _apikey, "make, list or revoke the API keys of vendors' servers")
    _add_settings(apikey)
    api_keys.add_arguments(apikey)

    operator = _command(commands, "operator", _operator, "make, list or revoke the keys of those who run the bridge")
    _add_settings(operator)
    operating.add_arguments(operator)

    drain = _command(commands, "drain", _drain, "have the running bridge take no new calls")
    _add_settings(drain)
    drain.add_argument("--undo", action="store_true", help="take new calls again")

    _command(commands, "version", _version, "print the version")
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    help_: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=help_, description=help_[0].upper() + help_[1:] + ".")
    parser.set_defaults(command=run)
    return parser


def _add_settings(parser: argparse.ArgumentParser, *, listening: bool = False) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (see configs/bridge.toml)")
    parser.add_argument("--data", metavar="DIR", help="data directory (default: .data)")
    if listening:
        parser.add_argument("--http", metavar="ADDR:PORT", help="where HTTP is served (default: 127.0.0.1:8080)")
        parser.add_argument("--media", metavar="ADDR:PORT", help="where media flows (default: 127.0.0.1:3478)")


def _settings(options: argparse.Namespace) -> Settings:
    named = {"data.directory": "data", "http.listen": "http", "media.listen": "media"}
    given = {
        key: (f"--{option}", text)
        for key, option in named.items()
        if (text := getattr(options, option, None)) is not None
    }
    return load_settings(options.config, options=given)


def _serve(options: argparse.Namespace) -> int:
    settings = _settings(options)
    remark = None
    if options.dev:
        from bridge import development

        prepared = development.prepare(settings, insecure=options.insecure)
        settings, remark = prepared.settings, prepared.media
    elif options.insecure:
        raise SettingsError("invalid_setting", "--insecure goes with --dev only.")
    else:
        check_for_production(settings)
        refuse_printed_keys(settings.data.directory)
    configure_logging(settings.log.level, "text" if options.dev and sys.stderr.isatty() else settings.log.format)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings, remark))
    return 0


async def _run(settings: Settings, remark: str | None) -> None:
    """Serves. A development bridge has a remark, which is printed below its links."""
    from bridge.app import Application, run

    application = Application(settings, development=remark is not None)
    await application.start()
    # What was made so far lives as long as the process. Collections need not look through it again: each would hold up
    # signalling for tens of milliseconds.
    gc.collect()
    gc.freeze()
    if remark is not None:
        _print_links(settings, application.http_port, remark)
    await run(application)


def _print_links(settings: Settings, port: int, remark: str) -> None:
    from bridge import development
    from bridge.sandbox import sandbox_key

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


def _token(options: argparse.Namespace) -> int:
    from bridge.auth.development import KEY_FILE

    settings = _settings(options)
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


def _check(options: argparse.Namespace) -> int:
    settings = _settings(options)
    if options.dev:
        make_data_directory(settings.data.directory)
    findings = []
    for finding in check_machine(settings, development=options.dev):
        findings.append(finding)
        print(_line(finding), flush=True)
    failed = sum(finding.status is Status.FAIL for finding in findings)
    warned = sum(finding.status is Status.WARN for finding in findings)
    verdict = "This machine cannot run the bridge yet" if failed else "This machine can run the bridge"
    print(f"\n{verdict}: {len(findings) - failed - warned} ok, {warned} to look at, {failed} to mend.")
    return UNFIT if failed else 0


def _line(finding: Finding) -> str:
    line = f"{finding.status.value:<6}{finding.name:<24}{finding.detail}"
    return f"{line}\n{'':<30}→ {finding.mend}" if finding.mend else line


def _rooms(options: argparse.Namespace) -> int:
    if options.action == "report":
        return _report(options)
    rooms = AdminClient(_settings(options).data.directory).ask("rooms")
    if options.json:
        print(json.dumps(rooms, indent=2))
        return 0
    print(f"{'room':<48}{'participants':>14}{'waiting':>9}{'connected':>11}{'sources':>9}{'legs':>6}")
    for room in rooms:
        counts = (
            f"{room['participants']:>14}{room['waiting']:>9}{room['connected']:>11}{room['sources']:>9}"
            f"{len(room['legs']):>6}"
        )
        print(f"{room['room']:<48}{counts}")
    return 0


def _test_leg(options: argparse.Namespace) -> int:
    if (options.what == "play") != (options.file is not None):
        raise BridgeError("bad_file", "`play` wants a file, `echo` and `clock` none.", field="file")
    from bridge.transcode.test_legs import client

    async def run() -> None:
        match options.what:
            case "echo":
                tracks = client.echo()
            case "clock":
                tracks = client.clock()
            case _:
                tracks = client.play(options.file)
        await client.TestLeg(options.url, options.token, tracks).run()

    try:
        asyncio.run(run())
    except OSError as error:
        why = error.strerror or "it does not answer"
        raise BridgeError("no_bridge", f"The bridge cannot be reached: {why}.", field="url") from None
    except KeyboardInterrupt:
        return 0
    return 0


def _conformance(options: argparse.Namespace) -> int:
    from bridge.conformance.command import run

    return 0 if run(options) else NONCONFORMING


def _report(options: argparse.Namespace) -> int:
    if options.room is None:
        raise BridgeError("no_room", "`bridge rooms report` wants a room.", hint="`bridge rooms` lists them.")
    records = AdminClient(_settings(options).data.directory).ask("report", options.room)
    if records is None:
        raise BridgeError(
            "unknown_room", "There is no such room, or nobody is in it.", hint="`bridge rooms` lists them."
        )
    output = options.output or Path("report.zip")
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in records:
            name = f"{each['session']}-{each['connection']}.flight"
            archive.writestr(name, base64.b64decode(each["record"]))
    print(f"{len(records)} flight records written to {output}")
    return 0


def _recordings(options: argparse.Namespace) -> int:
    action: str = options.action
    if action in ("export", "delete", "new-key") and options.recording is None:
        raise BridgeError("no_recording", f"`bridge recordings {action}` wants an id.", field="ID")
    if action == "new-key":
        print(new_key_line(options.recording))
        return 0
    settings = _settings(options)
    need_data_directory(settings.data.directory)
    store = open_store(with_development_key(settings, create=False))
    if action == "list":
        print(recordings_as_json(store.recordings()) if options.json else recordings_as_table(store.recordings()))
    elif action == "export":
        output = options.output or Path(options.recording).with_suffix(".webm")
        print(f"{export_to(store, options.recording, options.stream, output)} bytes written to {output}")
    elif action == "delete":
        store.delete(options.recording)
        print("deleted: its key first, then the rest")
    else:
        print(f"{len(list(store.rotate()))} recordings are now locked with the first key of the key file")
    return 0


def _records(options: argparse.Namespace) -> int:
    for line in export_records(options, audit_log.node_place(_settings(options))):
        print(line)
    return 0


def _audit(options: argparse.Namespace) -> int:
    return 0 if audit_log.run(options, _settings(options), print) else UNSOUND


def _storage(options: argparse.Namespace) -> int:
    from bridge.moving import MOVED, move

    for table, rows in move(_settings(options)).items():
        print(f"{table:<14}{rows:>10}")
    print(f"moved; the files are set aside as *{MOVED}")
    return 0


def _apikey(options: argparse.Namespace) -> int:
    settings = _settings(options)
    lines = api_keys.manage(
        options,
        settings.data.directory,
        lambda entry: audit_log.note(settings, entry),
        lambda: tenants(settings, development=True),
    )
    for line in lines:
        print(line)
    return 0


def _operator(options: argparse.Namespace) -> int:
    settings = _settings(options)
    for line in operating.manage(options, settings.data.directory, lambda entry: audit_log.note(settings, entry)):
        print(line)
    return 0


def _drain(options: argparse.Namespace) -> int:
    print(operating.drain(_settings(options).data.directory, undo=options.undo))
    return 0


def _version(_options: argparse.Namespace) -> int:
    from bridge.app import version

    print(f"bridge {version()}")
    return 0


def _describe(error: OSError) -> str:
    """What the system said, with the file or address if it named one."""
    text = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {text}" if error.filename is not None else text


if __name__ == "__main__":
    sys.exit(main())
