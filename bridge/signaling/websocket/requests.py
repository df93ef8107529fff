"""What each request of a client that has joined does."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from bridge.errors import BridgeError
from bridge.room import SourceChange, SourceName, Upload
from bridge.sfu import ComposedLayout, ConnectionKind, View
from bridge.signaling.calls import Call, Layout, SourceSpec, invitations
from bridge.signaling.websocket import counters, encoding
from bridge.signaling.websocket.acts import act
from bridge.signaling.websocket.decisions import decide
from bridge.signaling.websocket.messages import acts, client, parts, server, stills
from bridge.signaling.websocket.numbers import source_number
from bridge.signaling.websocket.stills import carry_out_still


async def carry_out(call: Call, request: client.ClientMessage, origin: str) -> server.ServerMessage:
    """Does what is asked and returns the reply; `origin` is where links lead to.

    Raises `BridgeError`; then nothing has changed.
    """
    match request:
        case client.Publish():
            published = await call.publish(request.offer, _specs(request.sources))
            return encoding.published(published, request.id)
        case client.SubscribeAnswer():
            await call.receiving.answer(request.answer, request.negotiation)
        case client.GetStats():
            stats = await call.stats()
            return counters.stats(stats[ConnectionKind.PUBLISH], stats[ConnectionKind.SUBSCRIBE], request.id)
        case client.Ping():
            return server.Pong(reply_to=request.id)
        case client.Join() | client.Resume():
            raise BridgeError("already_joined", "This connection has joined already.")
        case client.Leave():
            raise AssertionError("leave ends the connection, and is for whoever holds it")
        case (
            client.Unpublish()
            | client.UpdateSource()
            | client.Subscribe()
            | client.Unsubscribe()
            | client.UpdateSubscription()
            | client.Layout()
            | client.RestartIce()
        ):
            _carry_out_at_once(call, request)
        case acts.CreateInvitation():
            proposal_id = None if request.proposal_id is UNSET else request.proposal_id
            made = await invitations.invite(call, request.role, request.name, request.minutes, proposal_id)
            return encoding.invitation(made, origin, request.id)
        case acts.RevokeInvitation():
            await invitations.revoke(call, request.invitation_id)
        case (
            acts.Say()
            | acts.RaiseHand()
            | acts.SetCompanions()
            | acts.ProposeInvitation()
            | acts.DeclineProposal()
            | acts.AskToRecord()
            | acts.StopRecording()
            | acts.AnswerConsent()
            | acts.AnswerVideoConsent()
        ):
            act(call, request)
        case stills.AskForStill() | stills.AnswerStill() | stills.CancelStill():
            return carry_out_still(call, request)
        case _:
            decide(call, request)
            await call.settled()
    return server.Done(reply_to=request.id)


def _carry_out_at_once(
    call: Call,
    request: client.Unpublish
    | client.UpdateSource
    | client.Subscribe
    | client.Unsubscribe
    | client.UpdateSubscription
    | client.Layout
    | client.RestartIce,
) -> None:
    match request:
        case client.Unpublish():
            call.unpublish(_numbers(request.source_ids))
        case client.UpdateSource():
            call.update_source(source_number(request.source_id, "source_id"), **_change(request))
        case client.Subscribe():
            call.receiving.choose(_numbers(request.source_ids), wanted=True)
        case client.Unsubscribe():
            call.receiving.choose(_numbers(request.source_ids), wanted=False)
        case client.UpdateSubscription():
            call.receiving.pause(source_number(request.source_id, "source_id"), request.paused)
        case client.Layout():
            call.receiving.show(_layout(request))
        case client.RestartIce():
            call.receiving.want_offer(ice_restart=True)


def _layout(request: client.Layout) -> Layout:
    heights: dict[int, int] = {}
    for index, tile in enumerate(request.tiles):
        source_id = source_number(tile.source_id, f"tiles[{index}].source_id")
        if source_id in heights:
            raise BridgeError(
                "bad_message",
                "Two tiles show the same source.",
                field=f"tiles[{index}].source_id",
                hint="Name it once.",
            )
        heights[source_id] = tile.height
    view = None if request.view is UNSET else View(request.view)
    shown = request.composed
    composed = ComposedLayout(shown.layout, shown.shape)
    pinned = None if request.pinned is UNSET else frozenset(request.pinned)
    return Layout(heights, pinned, request.save_data, view, composed, shown.hidden)


def _specs(sources: Sequence[parts.PublishedSource]) -> dict[str, SourceSpec]:
    specs: dict[str, SourceSpec] = {}
    for index, source in enumerate(sources):
        if source.mid in specs:
            raise BridgeError("bad_message", "Two sources have the same mid.", field=f"sources[{index}].mid")
        specs[source.mid] = SourceSpec(_name(source.source), source.muted)
    return specs


def _change(request: client.UpdateSource) -> SourceChange:
    change = SourceChange()
    if request.source is not UNSET:
        change["name"] = _name(request.source)
    if request.muted is not UNSET:
        change["muted"] = request.muted
    if request.upload is not UNSET:
        change["upload"] = Upload(request.upload)
    if request.interrupted is not UNSET:
        change["interrupted"] = request.interrupted
    return change


def _name(source: parts.SourceName) -> SourceName:
    """The room tells the two sources of a screen apart by their kind."""
    return SourceName.SCREEN if source == "screen_audio" else SourceName(source)


def _numbers(source_ids: Sequence[str]) -> list[int]:
    return [source_number(source_id, f"source_ids[{index}]") for index, source_id in enumerate(source_ids)]
