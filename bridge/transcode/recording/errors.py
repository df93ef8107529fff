"""What recordings refuse, and how they break, in the typed form that the rest of the bridge knows."""

from __future__ import annotations

from bridge.errors import BridgeError


class RecordingError(BridgeError):
    """A recording cannot be made, read or deleted.

    Codes: `recording_no_key` (none is configured, or not the one that it was made with), `recording_bad_key_file`,
    `recording_no_space`, `recording_unwritable`, `unknown_recording`, `unknown_stream`, `recording_in_progress`,
    `recording_damaged` (something in it is not as it was written), `recording_ended`, `unsupported_codec`,
    `bad_stream_name`, `unknown_event`, `unknown_container` (of an export), `export_failed`.
    """
