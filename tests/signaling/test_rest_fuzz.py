"""Schemathesis makes requests of the API's own description: nothing fails, and nothing of another vendor is shown."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bridge.audit import Entry
from bridge.signaling.server import HttpServer, ServerSettings
from tests.signaling.test_rest import Vendors

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
FOREIGN_ROOM, FOREIGN_PERSON = "room-of-the-other", "person-of-the-other"


def fuzz(vendors: Vendors, url: str, loop: asyncio.AbstractEventLoop) -> list[str]:
    """Blocks. Gives the operations that were tried."""
    schema = schemathesis.openapi.from_url(f"{url}/v1/openapi.json")
    headers = {"Authorization": f"Bearer {vendors.clinic_key}"}

    async def prepare() -> None:
        # Past the rate limit, and with somebody there to be asked about.
        vendors.now += 10.0
        vendors.join("0", "kari")

    tried = []
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()

        @settings(max_examples=30, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def one(case: schemathesis.Case[Any]) -> None:
            asyncio.run_coroutine_threadsafe(prepare(), loop).result()
            answer = case.call_and_validate(headers=headers, checks=CHECKS)
            for private in (FOREIGN_ROOM, FOREIGN_PERSON, "Traceback"):
                assert private not in answer.text

        one()
        tried.append(operation.label)
    return tried


async def test_nothing_that_is_sent_makes_it_fail_or_tells_of_others(tmp_path: Path) -> None:
    vendors = Vendors(tmp_path)
    vendors.test_legs.max = 1_000_000
    vendors.join(FOREIGN_ROOM, FOREIGN_PERSON, tenant="other")
    for tenant, room in (("clinic", "0"), ("other", FOREIGN_ROOM)):
        vendors.store.create(0.0, tenant=tenant, room=room).finish()
    vendors.audit.append(
        [
            Entry("participant_joined", "other", FOREIGN_ROOM, identity=FOREIGN_PERSON),
            Entry("participant_joined", "clinic", "0", identity="kari"),
            Entry("call_ended", "other", FOREIGN_ROOM, attachment={"joins": FOREIGN_PERSON}),
            Entry("call_ended", "clinic", "0", attachment={"mos": 4.1}),
        ]
    )
    server = HttpServer(vendors.app, ServerSettings(port=0))
    await server.start()
    try:
        url = f"http://127.0.0.1:{server.port}"
        tried = await asyncio.to_thread(fuzz, vendors, url, asyncio.get_running_loop())
    finally:
        await vendors.close()
        await server.close()
    assert len(tried) == 26, json.dumps(tried)
