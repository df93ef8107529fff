"""Invitations from inside a room: whom somebody would have here, whom hosts let have a link, and how many.

Links themselves are made elsewhere: here is decided who may have one made, and what of it is told.
"""

from __future__ import annotations

from collections.abc import Callable

from bridge.room.errors import NotGrantedError, RoomError
from bridge.room.events import HostDecided, InvitationProposed, ProposalAnswered, RoomListener
from bridge.room.grants import Grant
from bridge.room.member import Member
from bridge.room.model import Proposal
from bridge.room.moderation import Access
from bridge.room.room import Room
from bridge.room.texts import checked_text

NAME_LIMIT = 200
"""Characters of the name of somebody who is to be invited, or of who they are."""
ROLE_LIMIT = 128
MAX_PROPOSALS = 20
"""That wait for a host at a time, in one room."""
MAX_INVITED = 100
"""Links of one room: a host's device that was taken over shall not fill the bridge."""


class Inviting:
    """Proposals and decisions about them. Each method names the session that acts, and raises `RoomError`.

    That is: `session_not_found`, `in_lobby` for one that waits, and as each method says.
    """

    def __init__(
        self, access: Access, emit: RoomListener, clock: Callable[[], float], new_id: Callable[[], int]
    ) -> None:
        self._access = access
        self._emit = emit
        self._clock = clock
        self._new_id = new_id

    def propose(self, session_id: str, role: str, name: str) -> Proposal:
        """Tells hosts whom one would have invited; they decide.

        Raises `not_granted` (it takes the grant `propose`), `bad_text`, `too_many_messages`, `too_many_proposals`.
        """
        room, member = self._act(session_id)
        if not room.session(session_id).may(Grant.PROPOSE):
            raise NotGrantedError(Grant.PROPOSE.value)
        role, name = checked_text(role, ROLE_LIMIT, field="role"), checked_text(name, NAME_LIMIT, field="name")
        if len(room.proposals) >= MAX_PROPOSALS:
            raise RoomError("too_many_proposals", "As many proposals wait for a host already as may.")
        room.chat.check_rate(member.identity, self._clock())
        proposal = Proposal(str(self._new_id()), member.id, member.name, role, name)
        room.proposals[proposal.id] = proposal
        self._emit(InvitationProposed(room.id, proposal))
        self._access.finish()
        return proposal

    def decline(self, session_id: str, proposal_id: str) -> None:
        """A host does not invite whom somebody proposed. Raises `not_granted`, `proposal_not_found`."""
        room, member = self.check(session_id, proposal_id)
        self._emit(HostDecided(room.id, member.id, "decline_proposal"))
        self._answer(room, proposal_id, accepted=False)
        self._access.finish()

    def check(self, session_id: str, proposal_id: str | None = None) -> tuple[Room, Member]:
        """Whether a session may have a link made, for the one proposed if there is a proposal.

        Raises `not_granted` (it takes the grant `host` or `invite`), `proposal_not_found`, `too_many_invitations`.
        """
        room, member = self._act(session_id)
        session = room.session(session_id)
        if not (session.may(Grant.HOST) or session.may(Grant.INVITE)):
            raise NotGrantedError(Grant.INVITE.value)
        if proposal_id is not None and proposal_id not in room.proposals:
            raise RoomError("proposal_not_found", "Nobody waits for an answer to this.", field="proposal_id")
        if len(room.invited) >= MAX_INVITED:
            raise RoomError("too_many_invitations", f"A room has {MAX_INVITED} links at most, from its opening on.")
        return room, member

    def made(self, session_id: str, invitation_id: str, proposal_id: str | None = None) -> None:
        """A link was made for what `check` allowed. Raises as it does: then the link is to be taken back."""
        room, member = self.check(session_id, proposal_id)
        room.invited.add(invitation_id)
        self._emit(HostDecided(room.id, member.id, "invite"))
        if proposal_id is not None:
            self._answer(room, proposal_id, accepted=True)
        self._access.finish()

    def revoke(self, session_id: str, invitation_id: str) -> None:
        """Whether a session may take back a link that was made in its room. Raises `not_granted`.

        Raises `invitation_not_found` for one of somewhere else.
        """
        room, member = self.check(session_id)
        if invitation_id not in room.invited:
            raise RoomError("invitation_not_found", "No such link was made in this room.", field="invitation_id")
        self._emit(HostDecided(room.id, member.id, "revoke_invitation"))
        self._access.finish()

    # Inside

    def _answer(self, room: Room, proposal_id: str, *, accepted: bool) -> None:
        self._emit(ProposalAnswered(room.id, room.proposals.pop(proposal_id), accepted))

    def _act(self, session_id: str) -> tuple[Room, Member]:
        room = self._access.begin(session_id)
        return room, room.acting(session_id)
