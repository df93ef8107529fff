"""Cisco's OpenH264 encoder, by its C interface: the H.264 encoder with a permissive licence (BSD).

Decision 0020 says why it is not FFmpeg's libx264. The structures are those of `codec_api.h` and `codec_app_def.h` of
versions 2.0 to 2.5; a library of another version is refused.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from ctypes import POINTER, Structure, byref, c_bool, c_char, c_float, c_int, c_longlong, c_ubyte, c_uint, c_ushort
from functools import lru_cache

import av

from bridge.transcode.errors import CodecUnavailableError

LIBRARIES = ("libopenh264.so.7", "libopenh264.so.6")
"""Names by which the library is looked for: versions 2.3 to 2.5, and 2.0 to 2.2."""
_VERSIONS = range(6)
"""Minor versions of 2.x whose structures are these."""

_CAMERA = 0
_RC_BITRATE = 1
_SM_SINGLE_SLICE = 0
_SM_SIZE_LIMITED = 3
_I420 = 23
_PROFILE_BASELINE = 66
_PROFILE_HIGH = 100
_CABAC = 1
_SKIPPED = 4
_OPTION_FRAME_RATE = 4
_OPTION_BITRATE = 5
_OPTION_MAX_BITRATE = 6
_OPTION_TRACE_LEVEL = 25
_ALL_LAYERS = 4

# Places in the table of functions (ISVCEncoderVtbl).
_INITIALIZE_EXT = 1
_GET_DEFAULTS = 2
_UNINITIALIZE = 3
_ENCODE = 4
_FORCE_INTRA = 6
_SET_OPTION = 7

_MAX_SLICES = 35
"""MAX_SLICES_NUM_TMP: (128 − 21) / 3."""


class _Version(Structure):
    _fields_ = [("major", c_uint), ("minor", c_uint), ("revision", c_uint), ("reserved", c_uint)]


class _SliceArgument(Structure):
    _fields_ = [
        ("mode", c_int),
        ("number", c_uint),
        ("macroblocks", c_uint * _MAX_SLICES),
        ("size_constraint", c_uint),
    ]


class _SpatialLayer(Structure):
    _fields_ = [
        ("width", c_int),
        ("height", c_int),
        ("frame_rate", c_float),
        ("bitrate", c_int),
        ("max_bitrate", c_int),
        ("profile", c_int),
        ("level", c_int),
        ("quantiser", c_int),
        ("slices", _SliceArgument),
        ("video_signal_type_present", c_bool),
        ("video_format", c_ubyte),
        ("full_range", c_bool),
        ("colour_description_present", c_bool),
        ("colour_primaries", c_ubyte),
        ("transfer_characteristics", c_ubyte),
        ("colour_matrix", c_ubyte),
        ("aspect_ratio_present", c_bool),
        ("aspect_ratio", c_int),
        ("aspect_ratio_width", c_ushort),
        ("aspect_ratio_height", c_ushort),
    ]


class _Parameters(Structure):
    _fields_ = [
        ("usage", c_int),
        ("width", c_int),
        ("height", c_int),
        ("bitrate", c_int),
        ("rate_control", c_int),
        ("frame_rate", c_float),
        ("temporal_layers", c_int),
        ("spatial_layers", c_int),
        ("layers", _SpatialLayer * 4),
        ("complexity", c_int),
        ("intra_period", c_uint),
        ("reference_frames", c_int),
        ("parameter_set_strategy", c_int),
        ("prefix_nal", c_bool),
        ("ssei", c_bool),
        ("simulcast_avc", c_bool),
        ("padding", c_int),
        ("entropy_coding", c_int),
        ("frame_skip", c_bool),
        ("max_bitrate", c_int),
        ("max_qp", c_int),
        ("min_qp", c_int),
        ("max_nal_size", c_uint),
        ("long_term_reference", c_bool),
        ("long_term_references", c_int),
        ("long_term_period", c_uint),
        ("threads", c_ushort),
        ("load_balancing", c_bool),
        ("loop_filter_disabled", c_int),
        ("loop_filter_alpha", c_int),
        ("loop_filter_beta", c_int),
        ("denoise", c_bool),
        ("background_detection", c_bool),
        ("adaptive_quantisation", c_bool),
        ("frame_cropping", c_bool),
        ("scene_change_detection", c_bool),
        ("lossless_link", c_bool),
        ("fix_overshoot", c_bool),
        ("idr_bitrate_ratio", c_int),
        ("later_versions", c_char * 256),
    ]


class _Layer(Structure):
    _fields_ = [
        ("temporal_id", c_ubyte),
        ("spatial_id", c_ubyte),
        ("quality_id", c_ubyte),
        ("frame_type", c_int),
        ("layer_type", c_ubyte),
        ("sub_sequence", c_int),
        ("nal_count", c_int),
        ("nal_lengths", POINTER(c_int)),
        ("data", POINTER(c_ubyte)),
    ]


class _FrameInfo(Structure):
    _fields_ = [
        ("layer_count", c_int),
        ("layers", _Layer * 128),
        ("frame_type", c_int),
        ("size", c_int),
        ("timestamp", c_longlong),
        ("later_versions", c_char * 64),
    ]


class _Picture(Structure):
    _fields_ = [
        ("format", c_int),
        ("strides", c_int * 4),
        ("planes", ctypes.c_void_p * 4),
        ("width", c_int),
        ("height", c_int),
        ("timestamp", c_longlong),
    ]


class _BitrateInfo(Structure):
    _fields_ = [("layer", c_int), ("bitrate", c_int)]


@lru_cache(1)
def library() -> ctypes.CDLL:
    """The library. Raises `CodecUnavailableError` where there is none, or none of a version that is known."""
    for name in LIBRARIES:
        try:
            loaded = ctypes.CDLL(name)
        except OSError:
            continue
        version = _Version()
        loaded.WelsGetCodecVersionEx(byref(version))
        if version.major == 2 and version.minor in _VERSIONS:
            return loaded
    raise CodecUnavailableError("H264", "OpenH264 2.x is not installed (Debian: libopenh264-7)")


class OpenH264Encoder:
    """One temporal layer, no look-ahead; bitrate and frame rate change without a keyframe."""

    def __init__(
        self,
        width: int,
        height: int,
        bitrate: int,
        frame_rate: float,
        *,
        max_nal_bytes: int | None,
        high: bool = False,
    ) -> None:
        """`max_nal_bytes` bounds each slice, for packetization-mode 0; None makes one slice per picture.

        `high`: High profile (CABAC, no B-frames), else Constrained Baseline.
        """
        create = library().WelsCreateSVCEncoder
        self._encoder = ctypes.c_void_p()
        if create(byref(self._encoder)) != 0 or not self._encoder:
            raise CodecUnavailableError("H264", "OpenH264 has no memory for another encoder")
        table = ctypes.cast(self._encoder, POINTER(POINTER(ctypes.c_void_p))).contents
        void = ctypes.c_void_p

        def function(place: int, *arguments: type) -> ctypes._CFunctionType:
            return ctypes.CFUNCTYPE(c_int, void, *arguments)(table[place] or 0)

        self._uninitialize = function(_UNINITIALIZE)
        self._encode = function(_ENCODE, POINTER(_Picture), POINTER(_FrameInfo))
        self._force_intra = function(_FORCE_INTRA, c_bool, c_int)
        self._set_option = function(_SET_OPTION, c_int, void)
        self._info = _FrameInfo()
        self._bitrate = bitrate
        quiet = c_int(0)
        self._set_option(self._encoder, _OPTION_TRACE_LEVEL, ctypes.cast(byref(quiet), void))
        parameters = _Parameters()
        function(_GET_DEFAULTS, POINTER(_Parameters))(self._encoder, byref(parameters))
        _fill(parameters, width, height, bitrate, frame_rate, max_nal_bytes)
        if high:
            parameters.entropy_coding = _CABAC
            parameters.layers[0].profile = _PROFILE_HIGH
        if function(_INITIALIZE_EXT, POINTER(_Parameters))(self._encoder, byref(parameters)) != 0:
            self.close()
            raise CodecUnavailableError("H264", f"OpenH264 does not encode pictures of {width}×{height}")

    def encode(self, frame: av.VideoFrame, milliseconds: int, *, keyframe: bool) -> bytes:
        """The access unit of a yuv420p picture as a byte stream; empty where rate control left it out."""
        if keyframe:
            self._force_intra(self._encoder, True, -1)
        picture = _Picture(format=_I420, width=frame.width, height=frame.height, timestamp=milliseconds)
        for index, plane in enumerate(frame.planes):
            picture.strides[index] = plane.line_size
            picture.planes[index] = plane.buffer_ptr
        if self._encode(self._encoder, byref(picture), byref(self._info)) != 0:
            raise RuntimeError("OpenH264 could not encode a picture")
        if self._info.frame_type == _SKIPPED:
            return b""
        parts = []
        for index in range(self._info.layer_count):
            layer = self._info.layers[index]
            size = sum(layer.nal_lengths[: layer.nal_count])
            parts.append(ctypes.string_at(layer.data, size))
        return b"".join(parts)

    def set_bitrate(self, bitrate: int) -> None:
        """Takes effect with the next picture."""
        values = [(_OPTION_MAX_BITRATE, bitrate * 2), (_OPTION_BITRATE, bitrate)]
        # The maximum must never be below the target.
        for option, value in values if bitrate > self._bitrate else reversed(values):
            info = _BitrateInfo(_ALL_LAYERS, value)
            self._set_option(self._encoder, option, ctypes.cast(byref(info), ctypes.c_void_p))
        self._bitrate = bitrate

    def set_frame_rate(self, frame_rate: float) -> None:
        """Pictures per second that are to come, by which bits are shared out."""
        value = c_float(min(60.0, max(1.0, frame_rate)))
        self._set_option(self._encoder, _OPTION_FRAME_RATE, ctypes.cast(byref(value), ctypes.c_void_p))

    def close(self) -> None:
        """Frees it. Idempotent."""
        if self._encoder:
            self._uninitialize(self._encoder)
            library().WelsDestroySVCEncoder(self._encoder)
            self._encoder = ctypes.c_void_p()


def _fill(
    parameters: _Parameters, width: int, height: int, bitrate: int, frame_rate: float, max_nal_bytes: int | None
) -> None:
    parameters.usage = _CAMERA
    parameters.width, parameters.height = width, height
    parameters.bitrate = bitrate
    parameters.max_bitrate = bitrate * 2
    parameters.rate_control = _RC_BITRATE
    parameters.frame_rate = frame_rate
    parameters.temporal_layers = parameters.spatial_layers = 1
    parameters.intra_period = 0
    parameters.reference_frames = 1
    parameters.prefix_nal = False
    parameters.entropy_coding = 0
    parameters.frame_skip = True
    parameters.threads = 1
    parameters.denoise = False
    parameters.scene_change_detection = False
    layer = parameters.layers[0]
    layer.width, layer.height, layer.frame_rate = width, height, frame_rate
    layer.bitrate, layer.max_bitrate = bitrate, bitrate * 2
    layer.profile = _PROFILE_BASELINE
    if max_nal_bytes is None:
        layer.slices.mode = _SM_SINGLE_SLICE
    else:
        layer.slices.mode = _SM_SIZE_LIMITED
        layer.slices.size_constraint = max_nal_bytes
        parameters.max_nal_size = max_nal_bytes
