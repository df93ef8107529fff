"""libopus by its C interface, for what FFmpeg does not hand to it.

That is silence that is not sent (DTX), and another bitrate or loss in the middle of a stream. Decision 0076 says why.
Its interface has been the same since version 1.0 (`opus.h`, `opus_defines.h`; soname `libopus.so.0`); DTX that can be
asked about came with 1.3, and an older one is refused.
"""

from __future__ import annotations

import ctypes
from ctypes import byref, c_char_p, c_int, c_int32, c_void_p
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bridge.transcode.errors import CodecUnavailableError
from bridge.transcode.ffmpeg_libraries import ffmpeg_libraries

_VOIP = 2048
_SET_BITRATE = 4002
_SET_COMPLEXITY = 4010
_SET_INBAND_FEC = 4012
_SET_PACKET_LOSS = 4014
_SET_DTX = 4016
_SET_VBR_CONSTRAINT = 4020
_GET_IN_DTX = 4049

_COMPLEXITY = 5
_MAX_PACKET = 1276
"""Bytes of a packet of one frame at most (RFC 6716, section 3.4)."""
NOTHING = 2
"""Up to so many bytes a packet holds no sound, and need not be sent (`opus_encode`)."""


@lru_cache(1)
def library() -> ctypes.CDLL:
    """The libopus that FFmpeg uses. Raises `CodecUnavailableError` where it cannot be called, or is too old."""
    loaded = ffmpeg_libraries()
    try:
        loaded.opus_encoder_get_size.argtypes = [c_int]
        loaded.opus_encoder_init.argtypes = [c_void_p, c_int32, c_int, c_int]
        loaded.opus_encode.argtypes = [c_void_p, c_void_p, c_int, c_void_p, c_int32]
        loaded.opus_encode.restype = c_int32
        # The third argument is of any number and type.
        loaded.opus_encoder_ctl.argtypes = [c_void_p, c_int]
        loaded.opus_get_version_string.restype = c_char_p
    except AttributeError as error:
        raise CodecUnavailableError("opus", "the libopus of FFmpeg cannot be called") from error
    OpusState(loaded).ask(_GET_IN_DTX)
    return loaded


class OpusState:
    """An encoder of mono sound at 48 kHz; its memory is Python's, so there is nothing to be freed."""

    def __init__(self, loaded: ctypes.CDLL) -> None:
        """Raises `CodecUnavailableError`."""
        self._library = loaded
        self._memory = ctypes.create_string_buffer(loaded.opus_encoder_get_size(1))
        self._packet = ctypes.create_string_buffer(_MAX_PACKET)
        if loaded.opus_encoder_init(self._memory, 48_000, 1, _VOIP) != 0:
            raise CodecUnavailableError("opus", "libopus makes no encoder of mono sound at 48 kHz")
        self._set(_SET_COMPLEXITY, _COMPLEXITY)
        self._set(_SET_VBR_CONSTRAINT, 0)
        self._set(_SET_INBAND_FEC, 1)

    def set_bitrate(self, bitrate: int) -> None:
        """Bit/s from the next packet on."""
        self._set(_SET_BITRATE, bitrate)

    def set_loss(self, percent: int) -> None:
        """What is lost of packets: forward error correction is laid out for it."""
        self._set(_SET_PACKET_LOSS, percent)

    def set_dtx(self, dtx: bool) -> None:
        """Whether what is taken for silence may be left out."""
        self._set(_SET_DTX, int(dtx))

    @property
    def in_dtx(self) -> bool:
        """Whether the last packet was one that need not be sent, or an update of the noise behind the silence."""
        return bool(self.ask(_GET_IN_DTX))

    def encode(self, samples: NDArray[np.int16]) -> bytes:
        """A packet of 2.5 to 60 ms; `NOTHING` bytes or fewer where there is nothing to be sent."""
        contiguous = np.ascontiguousarray(samples, np.int16)
        size = self._library.opus_encode(
            self._memory, contiguous.ctypes.data, contiguous.size, self._packet, _MAX_PACKET
        )
        if size < 0:
            raise RuntimeError(f"libopus could not encode {contiguous.size} samples: error {size}")
        return self._packet.raw[:size]

    def ask(self, request: int) -> int:
        """What libopus says of itself. Raises `CodecUnavailableError` where it is too old to know."""
        value = c_int32()
        if self._library.opus_encoder_ctl(self._memory, request, byref(value)) != 0:
            version = self._library.opus_get_version_string().decode()
            raise CodecUnavailableError("opus", f"{version} is too old: it does not tell when it leaves out silence")
        return value.value

    def _set(self, request: int, value: int) -> None:
        if self._library.opus_encoder_ctl(self._memory, request, c_int32(value)) != 0:
            raise RuntimeError(f"libopus refuses {value} for its setting {request}")
