"""The command `bridge records export`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from bridge.errors import BridgeError
from bridge.records.export import as_csv, as_json_lines
from bridge.records.store import RecordReader
from bridge.storage import Place, StorageError
from bridge.timestamps import check_span, parse_instant


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes besides settings."""
    parser.add_argument("action", choices=["export"])
    parser.add_argument("--from", dest="since", metavar="DATE", help="of what ended on that day (UTC) or later")
    parser.add_argument("--to", dest="until", metavar="DATE", help="of what ended before that day")
    parser.add_argument("--tenant", metavar="TENANT", help="of this vendor only")
    parser.add_argument(
        "--format", choices=["jsonl", "csv"], default="jsonl", help="JSON lines, or a table (default: %(default)s)"
    )


def export(options: argparse.Namespace, place: Place) -> Iterator[str]:
    """The lines to print. Raises `BridgeError`."""
    since, until = (
        None if text is None else parse_instant(text, option)
        for text, option in ((options.since, "--from"), (options.until, "--to"))
    )
    check_span(since, until, "--to")
    database = place.snapshot()
    try:
        lines = as_csv if options.format == "csv" else as_json_lines
        # Nothing else holds on to the records: whoever has seen enough ends the reading before the database.
        yield from lines(RecordReader(database).between(since, until, options.tenant))
    except StorageError as error:
        raise BridgeError("records_unavailable", f"{place.name} cannot be read: {error}.") from None
    finally:
        database.close()
