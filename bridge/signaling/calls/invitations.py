"""Links that are made in a call: the room says who may, an inviter makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.signaling.calls.ports import Invited, Inviter

if TYPE_CHECKING:
    from bridge.signaling.calls.call import Call


async def invite(call: Call, role: str, name: str, minutes: int, proposal_id: str | None) -> Invited:
    """A link into the call's room. Raises `BridgeError`; then there is none."""
    inviter, inviting = _inviter(call), call.rooms.inviting
    room, host = inviting.check(call.session.id, proposal_id)
    name_of_room = room.id.removeprefix(f"{room.tenant}/")
    made = await inviter.invite(
        room.tenant, name_of_room, role=role, name=name, minutes=minutes, host=host.id, identity=host.identity
    )
    try:
        # Meanwhile the host may have left, handed over, or another host been quicker.
        inviting.made(call.session.id, made.id, proposal_id)
    except BridgeError:
        await inviter.revoke(room.tenant, name_of_room, made.id, host=host.id, identity=host.identity)
        raise
    return made


async def revoke(call: Call, invitation_id: str) -> None:
    """Takes a link back that was made in the call's room. Raises `BridgeError`."""
    inviter, inviting = _inviter(call), call.rooms.inviting
    room, host = inviting.check(call.session.id)
    inviting.revoke(call.session.id, invitation_id)
    name_of_room = room.id.removeprefix(f"{room.tenant}/")
    await inviter.revoke(room.tenant, name_of_room, invitation_id, host=host.id, identity=host.identity)


def _inviter(call: Call) -> Inviter:
    if call.inviter is None:
        raise BridgeError("invitations_unavailable", "This bridge makes no links.")
    return call.inviter
