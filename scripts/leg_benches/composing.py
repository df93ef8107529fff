"""Cost of composing and mixing for six parties, as fast as it goes and without sockets, beside FFmpeg's own filters.

These are xstack, which draws no names, and amix, with the same decoders and encoders.
"""

from __future__ import annotations

import time
from fractions import Fraction

import av
import numpy as np

from bridge.transcode import rtp
from bridge.transcode.audio_codecs import AudioDecoder, AudioEncoder
from bridge.transcode.composing import PictureComposer
from bridge.transcode.messages import CodecSpec, Compose, Mix, MixOutput, Pictures, PictureSource, Sound, Voice, Voices
from bridge.transcode.mixing import SoundMixer
from bridge.transcode.video_codecs import decoder, encoder
from scripts.leg_benches.material import PARTIES, RATE, encoded, pictures
from tests.transcode.harness import FRAME_TICKS, packetise

HEAD = "| leg | CPU a second, ms | FFmpeg alone, ms | times | legs a core |\n|---|---|---|---|---|"


def cost(name: str, seconds: float, ours: float, alone: float) -> str:
    """One line of the second table, of CPU seconds."""
    figures = f"{1000 * ours / seconds:.1f} | {1000 * alone / seconds:.1f} | {ours / alone:.2f} | {seconds / ours:.1f}"
    return f"| {name} | {figures} |"


def composing(height: int, bitrate: int, seconds: float) -> str:
    """Six cameras of 320×180 into one picture, 15 times a second."""
    shown = [frame.reformat(320, 180, format="yuv420p") for frame in pictures(seconds)]
    data, vp8 = encoded("vp8", shown, (320, 180)), CodecSpec("vp8", 100, 90_000)
    sent: list[bytes] = []
    composer = PictureComposer(Compose(CodecSpec("vp8", 101, 90_000), 1, bitrate, 0, 0), sent.append)
    composer.follow(Pictures(tuple(PictureSource(f"p{n}", f"Party {n}", 10 + n, (vp8,)) for n in range(PARTIES))))
    assert composer.size[1] == height, composer.size
    sequence, begun = 0, time.process_time()
    for number, frame in enumerate(data):
        payloads = packetise("vp8", frame)
        for party in range(PARTIES):
            for index, payload in enumerate(payloads):
                last = index == len(payloads) - 1
                packet = rtp.write(100, sequence + index, number * FRAME_TICKS, 10 + party, payload, marker=last)
                composer.handle([packet], 1000 + number / RATE)
        sequence += len(payloads)
    ours = time.process_time() - begun
    begun = time.process_time()
    decoders, graph, made = (
        [decoder("vp8") for _ in range(PARTIES)],
        av.filter.Graph(),
        encoder(CodecSpec("vp8", 101, 90_000), bitrate, 15),
    )
    width = height * 16 // 9
    cells = [(width // 3 // 2 * 2, height // 2 // 2 * 2)] * PARTIES
    stack = graph.add("xstack", f"inputs={PARTIES}:layout=0_0|w0_0|w0+w1_0|0_h0|w0_h0|w0+w1_h0")
    inputs = []
    for index, (wide, high) in enumerate(cells):
        source = graph.add("buffer", f"video_size=320x180:pix_fmt=yuv420p:time_base=1/{RATE}:pixel_aspect=1/1")
        scale = graph.add("scale", f"{wide}:{high}")
        source.link_to(scale)
        scale.link_to(stack, 0, index)
        inputs.append(source)
    sink = graph.add("buffersink")
    stack.link_to(sink)
    graph.configure()
    for number, frame in enumerate(data):
        for taken, source in zip(decoders, inputs, strict=True):
            for picture in taken.decode(av.Packet(frame)):
                picture.pts, picture.time_base = number, Fraction(1, RATE)
                # As many as are encoded: 15 of 25.
                if number * 15 // RATE != (number - 1) * 15 // RATE:
                    source.push(picture)
        if number * 15 // RATE != (number - 1) * 15 // RATE:
            composed = sink.pull()
            assert isinstance(composed, av.VideoFrame)
            made.encode(composed, number * FRAME_TICKS, keyframe=number == 0)
    return cost(f"compose {PARTIES} at {height}p15", seconds, ours, time.process_time() - begun)


def mixed(seconds: float) -> str:
    """Six voices for six listeners, each without their own, in Opus."""
    chance, opus = np.random.default_rng(1), CodecSpec("opus", 111, 48_000, 2)
    voices = [AudioEncoder("opus") for _ in range(PARTIES)]
    blocks = round(seconds * 50)
    data = [
        [each.encode((3000 * chance.standard_normal(960)).astype(np.int16)) for _ in range(blocks)] for each in voices
    ]
    mixer = SoundMixer(Mix(300_000, 0, 0), lambda _: None)
    sounds = tuple(Voice(f"p{n}", (Sound(10 + n, (opus,)),)) for n in range(PARTIES))
    mixer.follow(Voices(sounds, tuple(MixOutput(50 + n, opus, f"p{n}") for n in range(PARTIES))))
    begun = time.process_time()
    for number in range(blocks):
        packets = [rtp.write(111, number, number * 960, 10 + n, data[n][number], marker=False) for n in range(PARTIES)]
        mixer.handle(packets, 1000 + number * 0.02)
    ours = time.process_time() - begun
    begun = time.process_time()
    decoders, encoders = [AudioDecoder("opus") for _ in range(PARTIES)], [AudioEncoder("opus") for _ in range(PARTIES)]
    graphs = [mixing_graph() for _ in range(PARTIES)]
    for number in range(blocks):
        heard = [decoders[n].decode(data[n][number]) for n in range(PARTIES)]
        for listener, (_, inputs, sink) in enumerate(graphs):
            for source, samples in zip(inputs, heard[:listener] + heard[listener + 1 :], strict=True):
                frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = 48_000, number * 960, Fraction(1, 48_000)
                source.push(frame)
            try:
                one = sink.pull()
            except (BlockingIOError, av.error.BlockingIOError):
                continue
            assert isinstance(one, av.AudioFrame)
            encoders[listener].encode(one.to_ndarray().reshape(-1).astype(np.int16))
    return cost(f"mix {PARTIES} for {PARTIES} at 20 ms", seconds, ours, time.process_time() - begun)


def mixing_graph() -> tuple[av.filter.Graph, list[av.filter.context.FilterContext], av.filter.context.FilterContext]:
    """FFmpeg's mix of all voices but one: it, its inputs and its output."""
    graph = av.filter.Graph()
    mix = graph.add("amix", f"inputs={PARTIES - 1}:normalize=0")
    inputs = []
    for index in range(PARTIES - 1):
        source = graph.add("abuffer", "sample_rate=48000:sample_fmt=s16:channel_layout=mono:time_base=1/48000")
        source.link_to(mix, 0, index)
        inputs.append(source)
    form, sink = graph.add("aformat", "sample_fmts=s16:channel_layouts=mono"), graph.add("abuffersink")
    mix.link_to(form)
    form.link_to(sink)
    graph.configure()
    return graph, inputs, sink
