"""What `sfu` says of a scene, as it is said over a leg's control channel."""

from __future__ import annotations

from bridge.sfu.legs import LegCodec, PictureScene, Scene
from bridge.transcode.messages import MAX_NAME, CodecSpec, MixOutput, Pictures, PictureSource, Sound, Voice, Voices


def codec_spec(codec: LegCodec) -> CodecSpec:
    """A codec."""
    return CodecSpec(
        codec.name, codec.payload_type, codec.clock_rate, codec.channels, codec.packetization_mode, codec.profile
    )


def scene_message(scene: Scene) -> Pictures | Voices:
    """A scene. Of a name no more is said than is drawn."""
    if isinstance(scene, PictureScene):
        return Pictures(
            tuple(
                PictureSource(
                    each.id,
                    each.name[:MAX_NAME],
                    each.ssrc,
                    tuple(codec_spec(codec) for codec in each.codecs),
                    screen=each.screen,
                    pinned=each.pinned,
                    speaking=each.speaking,
                    muted=each.muted,
                )
                for each in scene.sources
            ),
            scene.layout.name,
            scene.layout.shape == "upright",
        )
    return Voices(
        tuple(
            Voice(
                voice.id,
                tuple(Sound(each.ssrc, tuple(codec_spec(codec) for codec in each.codecs)) for each in voice.sounds),
            )
            for voice in scene.voices
        ),
        tuple(MixOutput(each.ssrc, codec_spec(each.codec), each.without) for each in scene.outputs),
    )
