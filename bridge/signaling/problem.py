"""Refusals of the HTTP doors: problem documents (RFC 9457) and the status codes that go with our error codes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bridge.errors import BridgeError
from bridge.room import NotGrantedError
from bridge.signaling.incidents import internal_error

Handler = Callable[[Request], Awaitable[Response]]
"""What a path of a door does."""

RETRY_AFTER_SECONDS = "2"

_STATUS = {
    "not_granted": HTTPStatus.FORBIDDEN,
    "token_wrong_room": HTTPStatus.FORBIDDEN,
    "token_keys_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "unauthorized": HTTPStatus.UNAUTHORIZED,
    "scope_missing": HTTPStatus.FORBIDDEN,
    "unknown_recording": HTTPStatus.NOT_FOUND,
    "unknown_stream": HTTPStatus.NOT_FOUND,
    "recording_in_progress": HTTPStatus.CONFLICT,
    "recording_damaged": HTTPStatus.INTERNAL_SERVER_ERROR,
    "export_failed": HTTPStatus.INTERNAL_SERVER_ERROR,
    "unsupported_codec": HTTPStatus.CONFLICT,
    "recording_no_key": HTTPStatus.SERVICE_UNAVAILABLE,
    "test_leg_not_found": HTTPStatus.NOT_FOUND,
    "test_leg_failed": HTTPStatus.SERVICE_UNAVAILABLE,
    "too_many_test_legs": HTTPStatus.SERVICE_UNAVAILABLE,
    "unknown_clip": HTTPStatus.BAD_REQUEST,
    "exports_busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "invalid_room": HTTPStatus.NOT_FOUND,
    "not_found": HTTPStatus.NOT_FOUND,
    "queue_not_found": HTTPStatus.NOT_FOUND,
    "room_in_use": HTTPStatus.CONFLICT,
    "queue_is_no_room": HTTPStatus.FORBIDDEN,
    "queues_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "room_not_found": HTTPStatus.NOT_FOUND,
    "participant_not_found": HTTPStatus.NOT_FOUND,
    "event_not_found": HTTPStatus.NOT_FOUND,
    "cursor_expired": HTTPStatus.GONE,
    "no_webhook_endpoint": HTTPStatus.CONFLICT,
    "replay_too_large": HTTPStatus.UNPROCESSABLE_ENTITY,
    "too_many_events_due": HTTPStatus.SERVICE_UNAVAILABLE,
    "events_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "session_not_found": HTTPStatus.NOT_FOUND,
    "session_closed": HTTPStatus.NOT_FOUND,
    "no_connection": HTTPStatus.NOT_FOUND,
    "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "not_acceptable": HTTPStatus.NOT_ACCEPTABLE,
    "request_timeout": HTTPStatus.REQUEST_TIMEOUT,
    "bad_layout": HTTPStatus.BAD_REQUEST,
    "bad_view": HTTPStatus.BAD_REQUEST,
    "nothing_to_watch": HTTPStatus.CONFLICT,
    "request_in_progress": HTTPStatus.CONFLICT,
    "idempotency_key_reused": HTTPStatus.UNPROCESSABLE_ENTITY,
    "room_full": HTTPStatus.CONFLICT,
    "lobby_full": HTTPStatus.CONFLICT,
    "room_locked": HTTPStatus.CONFLICT,
    "consent_impossible": HTTPStatus.CONFLICT,
    "consent_not_asked": HTTPStatus.CONFLICT,
    "consent_not_by_vendor": HTTPStatus.FORBIDDEN,
    "room_not_open": HTTPStatus.CONFLICT,
    "room_over": HTTPStatus.FORBIDDEN,
    "in_lobby": HTTPStatus.CONFLICT,
    "banned": HTTPStatus.FORBIDDEN,
    "etag_mismatch": HTTPStatus.PRECONDITION_FAILED,
    "etag_missing": HTTPStatus.PRECONDITION_REQUIRED,
    "body_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "upgrade_required": HTTPStatus.UPGRADE_REQUIRED,
    "unsupported_media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "no_usable_media": HTTPStatus.UNPROCESSABLE_ENTITY,
    "rate_limited": HTTPStatus.TOO_MANY_REQUESTS,
    "media_overloaded": HTTPStatus.SERVICE_UNAVAILABLE,
    "too_many_rooms": HTTPStatus.SERVICE_UNAVAILABLE,
    "records_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "audit_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "draining": HTTPStatus.SERVICE_UNAVAILABLE,
    "shutting_down": HTTPStatus.SERVICE_UNAVAILABLE,
    "csrf_failed": HTTPStatus.FORBIDDEN,
    "operator_key_refused": HTTPStatus.FORBIDDEN,
    "operator_not_allowed": HTTPStatus.FORBIDDEN,
    "operator_signin_required": HTTPStatus.FORBIDDEN,
    "right_missing": HTTPStatus.FORBIDDEN,
    "signin_required": HTTPStatus.FORBIDDEN,
    "signin_level_too_low": HTTPStatus.FORBIDDEN,
    "signin_unknown_provider": HTTPStatus.NOT_FOUND,
    "signin_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "signin_busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "invitation_not_found": HTTPStatus.NOT_FOUND,
    "invitation_not_open_yet": HTTPStatus.FORBIDDEN,
    "invitation_not_yours": HTTPStatus.FORBIDDEN,
    "invitation_unanswered": HTTPStatus.FORBIDDEN,
    "invitation_used": HTTPStatus.GONE,
    "invitation_void": HTTPStatus.FORBIDDEN,
    "invitation_wrong_answer": HTTPStatus.FORBIDDEN,
    "invitations_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "too_many_invitations": HTTPStatus.TOO_MANY_REQUESTS,
    "still_not_found": HTTPStatus.NOT_FOUND,
    "too_many_stills": HTTPStatus.SERVICE_UNAVAILABLE,
    "too_many_self_tests": HTTPStatus.SERVICE_UNAVAILABLE,
    "bad_picture": HTTPStatus.UNPROCESSABLE_ENTITY,
    "picture_too_large": HTTPStatus.UNPROCESSABLE_ENTITY,
    "internal_error": HTTPStatus.INTERNAL_SERVER_ERROR,
}
_RETRY = frozenset({HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


def status_of(error: BridgeError) -> HTTPStatus:
    """The status code of a refusal; 400 for those that speak of what was sent."""
    if error.code in _STATUS:
        return _STATUS[error.code]
    return HTTPStatus.UNAUTHORIZED if error.code.startswith("token_") else HTTPStatus.BAD_REQUEST


def problem(error: BridgeError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response that tells a refusal, with the headers that its status calls for and those given."""
    status = status_of(error)
    all_headers = {"Cache-Control": "no-store", **(headers or {})}
    if status is HTTPStatus.UNAUTHORIZED:
        # RFC 6750 §3: no error attribute where there was no token at all.
        detail = "" if error.code == "unauthorized" else ', error="invalid_token"'
        all_headers["WWW-Authenticate"] = f'Bearer realm="bridge"{detail}'
    if status in _RETRY:
        all_headers.setdefault("Retry-After", RETRY_AFTER_SECONDS)
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": error.message,
        "code": error.code,
    }
    if error.field is not None:
        body["field"] = error.field
    if error.hint is not None:
        body["hint"] = error.hint
    if isinstance(error, NotGrantedError):
        body["grant"] = error.grant
    return JSONResponse(body, status.value, all_headers, media_type="application/problem+json")


def guarded(handler: Handler, where: str, refused: Callable[[str], None]) -> Handler:
    """A handler whose refusals become problem documents, and what nobody expected an incident; `refused` is told."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except BridgeError as error:
            refusal = error
        except Exception:
            refusal = internal_error(where)
        refused(refusal.code)
        return problem(refusal)

    return handle
