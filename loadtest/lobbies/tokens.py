"""Join tokens for everybody, from the vendor's API."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import httpx

from loadtest.errors import InputError, Place
from loadtest.lobbies.room import RoomPlan

_AT_ONCE = 8
_TTL = 3600
_TIMEOUT = 20.0
_TRIES = 30
"""Refusals for being too fast, of one token."""


async def room_plans(url: str, key: str, patients: Mapping[str, int], doctor: str, patient: str) -> list[RoomPlan]:
    """For each room with so many patients, tokens of these roles. Raises `InputError` where the bridge gives none."""
    gate = asyncio.Semaphore(_AT_ONCE)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=_TIMEOUT, trust_env=False) as client:

        async def token(room: str, identity: str, role: str) -> str:
            async with gate:
                return await _token(client, room, {"identity": identity, "role": role, "ttl": _TTL})

        async def plan(room: str, count: int) -> RoomPlan:
            tokens: Sequence[str] = await asyncio.gather(
                token(room, "doctor", doctor), *(token(room, f"patient-{turn}", patient) for turn in range(count))
            )
            return RoomPlan(room, tokens[0], tuple(tokens[1:]))

        return await asyncio.gather(*(plan(room, count) for room, count in patients.items()))


async def _token(client: httpx.AsyncClient, room: str, wanted: Mapping[str, object]) -> str:
    for _ in range(_TRIES):
        try:
            answer = await client.post(f"/v1/rooms/{room}/tokens", json=wanted)
        except httpx.HTTPError as error:
            raise InputError(f"{client.base_url}: {error!r}", Place("--bridge")) from None
        if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
            break
        await asyncio.sleep(float(answer.headers.get("retry-after", "1")))
    if answer.status_code != httpx.codes.CREATED:
        raise InputError(f"no token for {room}: {answer.status_code} {answer.text[:200]}", Place("--api-key-file"))
    token: str = answer.json()["token"]
    return token
