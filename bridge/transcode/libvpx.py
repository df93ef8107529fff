"""libvpx by its C interface: VP8 and VP9 for a live call, at a bitrate that changes without a keyframe.

FFmpeg hands no new bitrate to it; decision 0076 says why by ctypes. The structures are those of `vpx_encoder.h` and
`vpx_image.h` of versions 1.12 to 1.16, as far as they are used; a library of which the defaults do not stand where they
do there, or that has another number of its interface, is refused.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_int64, c_long, c_size_t, c_uint, c_ulong, c_void_p
from functools import lru_cache
from typing import NamedTuple

import av

from bridge.transcode.errors import CodecUnavailableError
from bridge.transcode.ffmpeg_libraries import ffmpeg_libraries
from bridge.transcode.payload import VIDEO_CLOCK

_ABI_VERSIONS = range(39, 24, -1)
"""VPX_ENCODER_ABI_VERSION of 1.16 down to that of 1.12."""
_CBR = 1
_I420 = 0x102
_REALTIME = 1
_FORCE_KEYFRAME = 1
_FRAME_PACKET = 0
_IS_KEYFRAME = 1

_SET_CPU_USED = 13
_SET_STATIC_THRESHOLD = 17
_SET_SCREEN_CONTENT = 31
_SET_AQ_MODE = 36

_MIN_QUANTISER, _MAX_QUANTISER = 4, 56
_BUDGETS_CUTS = 2
"""Of VP8: a picture of another scene that would take many times its share is left out, and the next one is as coarse as
may be."""
_DROPS_WHEN_EMPTY = 1
"""Percent of `_BUFFER` below which a picture may be left out; 0 would forbid it, and cuts with it."""
_BUFFER = 1000
"""Milliseconds of the bitrate by which pictures may differ in size."""
_NO_KEYFRAMES = 3000
"""Pictures from keyframe to keyframe where nobody asks for one."""


class _Configuration(Structure):
    _fields_ = [
        ("usage", c_uint),
        ("threads", c_uint),
        ("profile", c_uint),
        ("width", c_uint),
        ("height", c_uint),
        ("bit_depth", c_int),
        ("input_bit_depth", c_uint),
        ("timebase_numerator", c_int),
        ("timebase_denominator", c_int),
        ("error_resilient", c_uint),
        ("encoding_pass", c_int),
        ("lag_in_frames", c_uint),
        ("drop_frame_threshold", c_uint),
        ("resize_allowed", c_uint),
        ("scaled_width", c_uint),
        ("scaled_height", c_uint),
        ("resize_up_threshold", c_uint),
        ("resize_down_threshold", c_uint),
        ("rate_control", c_int),
        ("two_pass_statistics", c_void_p * 2),
        ("first_pass_statistics", c_void_p * 2),
        ("target_bitrate", c_uint),
        ("min_quantiser", c_uint),
        ("max_quantiser", c_uint),
        ("undershoot", c_uint),
        ("overshoot", c_uint),
        ("buffer", c_uint),
        ("buffer_initial", c_uint),
        ("buffer_optimal", c_uint),
        ("two_pass", c_uint * 4),
        ("keyframe_mode", c_int),
        ("keyframe_least_distance", c_uint),
        ("keyframe_most_distance", c_uint),
        # Layers, of which there are none here, and what later versions have.
        ("rest", c_uint * 512),
    ]


_DEFAULTS = {
    "width": 320,
    "height": 240,
    "bit_depth": 8,
    "timebase_numerator": 1,
    "timebase_denominator": 30,
    "resize_up_threshold": 60,
    "resize_down_threshold": 30,
    "target_bitrate": 256,
    "max_quantiser": 63,
    "buffer": 6000,
    "buffer_initial": 4000,
    "buffer_optimal": 5000,
    "keyframe_mode": 1,
    "keyframe_most_distance": 128,
}
"""By which it is seen that the structure is the library's: the same of VP8 and VP9 in all versions."""


class _Image(Structure):
    _fields_ = [
        ("format", c_int),
        ("colour_space", c_int),
        ("range", c_int),
        ("stored_width", c_uint),
        ("stored_height", c_uint),
        ("bit_depth", c_uint),
        ("width", c_uint),
        ("height", c_uint),
        ("rendered", c_uint * 2),
        ("x_chroma_shift", c_uint),
        ("y_chroma_shift", c_uint),
        ("planes", c_void_p * 4),
        ("strides", c_int * 4),
        ("bits_per_sample", c_int),
        ("rest", c_void_p * 32),
    ]


class _Packet(Structure):
    """Of a picture."""

    _fields_ = [
        ("kind", c_int),
        ("data", c_void_p),
        ("size", c_size_t),
        ("timestamp", c_int64),
        ("duration", c_ulong),
        ("flags", c_uint),
    ]


class Picture(NamedTuple):
    """An encoded one."""

    data: bytes
    keyframe: bool


class _Library(NamedTuple):
    functions: ctypes.CDLL
    abi: int


@lru_cache(1)
def library() -> _Library:
    """The libvpx that FFmpeg uses. Raises `CodecUnavailableError` where it cannot be called, or is another version."""
    loaded = ffmpeg_libraries()
    try:
        for name in ("vpx_codec_vp8_cx", "vpx_codec_vp9_cx"):
            getattr(loaded, name).restype = c_void_p
        loaded.vpx_codec_version_str.restype = c_char_p
        loaded.vpx_codec_err_to_string.restype = c_char_p
        loaded.vpx_codec_enc_config_default.argtypes = [c_void_p, c_void_p, c_uint]
        loaded.vpx_codec_enc_init_ver.argtypes = [c_void_p, c_void_p, c_void_p, c_long, c_int]
        loaded.vpx_codec_enc_config_set.argtypes = [c_void_p, c_void_p]
        loaded.vpx_codec_encode.argtypes = [c_void_p, c_void_p, c_int64, c_ulong, c_long, c_ulong]
        loaded.vpx_codec_get_cx_data.argtypes = [c_void_p, c_void_p]
        loaded.vpx_codec_get_cx_data.restype = POINTER(_Packet)
        # The third argument is of any type.
        loaded.vpx_codec_control_.argtypes = [c_void_p, c_int]
        loaded.vpx_codec_destroy.argtypes = [c_void_p]
        loaded.vpx_img_wrap.argtypes = [c_void_p, c_int, c_uint, c_uint, c_uint, c_void_p]
        loaded.vpx_img_wrap.restype = c_void_p
    except AttributeError as error:
        raise CodecUnavailableError("VP8", "the libvpx of FFmpeg cannot be called") from error
    if not (_configuration_is_known(loaded) and _image_is_known(loaded)):
        version = loaded.vpx_codec_version_str().decode()
        raise CodecUnavailableError("VP8", f"libvpx {version} has other structures than 1.12 to 1.16")
    return _Library(loaded, _abi(loaded))


def _default(loaded: ctypes.CDLL, interface: str) -> _Configuration:
    made = _Configuration()
    loaded.vpx_codec_enc_config_default(getattr(loaded, interface)(), byref(made), 0)
    return made


def _configuration_is_known(loaded: ctypes.CDLL) -> bool:
    made = [_default(loaded, interface) for interface in ("vpx_codec_vp8_cx", "vpx_codec_vp9_cx")]
    return all(getattr(each, name) == value for each in made for name, value in _DEFAULTS.items())


def _image_is_known(loaded: ctypes.CDLL) -> bool:
    made, memory = _Image(), ctypes.create_string_buffer(64 * 48 * 3 // 2)
    loaded.vpx_img_wrap(byref(made), _I420, 64, 48, 1, memory)
    begin = ctypes.addressof(memory)
    places = [begin, begin + 64 * 48, begin + 64 * 48 * 5 // 4]
    read = (made.width, made.height, made.x_chroma_shift, made.y_chroma_shift, made.bits_per_sample, list(made.strides))
    return [made.planes[index] for index in range(3)] == places and read == (64, 48, 1, 1, 12, [64, 32, 32, 64])


def _abi(loaded: ctypes.CDLL) -> int:
    """The number of the interface, by which libvpx lets nobody in who was written for another one."""
    for number in _ABI_VERSIONS:
        context, configuration = ctypes.create_string_buffer(_CONTEXT_BYTES), _default(loaded, "vpx_codec_vp8_cx")
        if loaded.vpx_codec_enc_init_ver(context, loaded.vpx_codec_vp8_cx(), byref(configuration), 0, number) == 0:
            loaded.vpx_codec_destroy(context)
            return number
    version = loaded.vpx_codec_version_str().decode()
    raise CodecUnavailableError("VP8", f"libvpx {version} has another interface than 1.12 to 1.16")


_CONTEXT_BYTES = 512
"""More than `vpx_codec_ctx` has: its fields are the library's own."""


class VpxEncoder:
    """One layer, no look-ahead, one thread; the bitrate changes without a keyframe."""

    def __init__(self, codec: str, width: int, height: int, bitrate: int) -> None:
        """`codec`: "vp8" or "vp9". Raises `CodecUnavailableError`."""
        self._library, abi = library()
        self._interface = f"vpx_codec_{codec}_cx"
        self._context: ctypes.Array[ctypes.c_char] | None = ctypes.create_string_buffer(_CONTEXT_BYTES)
        self._configuration = _default(self._library, self._interface)
        self._image = _Image()
        memory = ctypes.create_string_buffer(1)
        self._library.vpx_img_wrap(byref(self._image), _I420, width, height, 1, memory)
        _fill(self._configuration, width, height, bitrate)
        if codec == "vp8":
            self._configuration.drop_frame_threshold = _DROPS_WHEN_EMPTY
        result = self._library.vpx_codec_enc_init_ver(
            self._context, getattr(self._library, self._interface)(), byref(self._configuration), 0, abi
        )
        if result != 0:
            self._context = None
            raise CodecUnavailableError(codec.upper(), f"libvpx does not encode pictures of {width}×{height}")
        # Cyclic refresh (mode 3 of VP9) spreads over many pictures what makes one sharp, as calls do.
        vp8 = {_SET_CPU_USED: -6, _SET_SCREEN_CONTENT: _BUDGETS_CUTS}
        controls = vp8 if codec == "vp8" else {_SET_CPU_USED: 8, _SET_AQ_MODE: 3}
        for control, value in {**controls, _SET_STATIC_THRESHOLD: 1}.items():
            self._check(self._library.vpx_codec_control_(self._context, control, c_int(value)))

    def encode(self, frame: av.VideoFrame, timestamp: int, duration: int, *, keyframe: bool) -> list[Picture]:
        """A yuv420p picture of this size; times are of the 90 kHz clock, and rise."""
        for index, plane in enumerate(frame.planes):
            self._image.planes[index], self._image.strides[index] = plane.buffer_ptr, plane.line_size
        flags = _FORCE_KEYFRAME if keyframe else 0
        self._check(
            self._library.vpx_codec_encode(
                self._context, byref(self._image), timestamp, max(1, duration), flags, _REALTIME
            )
        )
        made, place = [], c_void_p()
        while packet := self._library.vpx_codec_get_cx_data(self._context, byref(place)):
            each = packet.contents
            if each.kind == _FRAME_PACKET:
                made.append(Picture(ctypes.string_at(each.data, each.size), bool(each.flags & _IS_KEYFRAME)))
        return made

    def set_bitrate(self, bitrate: int) -> None:
        """Bit/s from the next picture on."""
        self._configuration.target_bitrate = max(1, round(bitrate / 1000))
        self._check(self._library.vpx_codec_enc_config_set(self._context, byref(self._configuration)))

    def close(self) -> None:
        """Frees it. Idempotent."""
        if self._context is not None:
            self._library.vpx_codec_destroy(self._context)
            self._context = None

    def _check(self, result: int) -> None:
        if result != 0:
            raise RuntimeError(f"libvpx refuses: {self._library.vpx_codec_err_to_string(result).decode()}")


def _fill(configuration: _Configuration, width: int, height: int, bitrate: int) -> None:
    configuration.threads = 1
    configuration.width, configuration.height = width, height
    configuration.timebase_numerator, configuration.timebase_denominator = 1, VIDEO_CLOCK
    configuration.error_resilient = 1
    configuration.lag_in_frames = 0
    configuration.drop_frame_threshold = 0
    configuration.rate_control = _CBR
    configuration.target_bitrate = max(1, round(bitrate / 1000))
    configuration.min_quantiser, configuration.max_quantiser = _MIN_QUANTISER, _MAX_QUANTISER
    configuration.undershoot, configuration.overshoot = 100, 15
    configuration.buffer, configuration.buffer_initial = _BUFFER, _BUFFER * 3 // 4
    configuration.buffer_optimal = _BUFFER * 5 // 6
    configuration.keyframe_most_distance = _NO_KEYFRAMES
