"""Who gets which layer on one receiver's line.

Sound comes first. Then every video gets still pictures, then every one its lowest layer, and only then anyone a second
one: in the order of their ranks. Down at once; up when the line has carried more for a while, and where a step had
to be taken back soon, that while is longer the next time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bridge.sfu.allocation.ceiling import least
from bridge.sfu.allocation.model import Allocation, Choice, Layer, Source, VideoState

PAUSED = -2
STILLS = -1
"""Steps below the first layer of a ladder."""

OVERHEAD = 1.06
"""RTP headers, header extensions and SRTP on top of payload."""
HEADROOM = 0.95
"""Part of the estimate that is given away: the rest is for reports and for what encoders are unsteady by."""
UP_MARGIN = 1.15
"""A step up has to fit so many times."""
MIN_HOLD = 1.5
"""Seconds for which a step up has to fit before it is taken …"""
MAX_HOLD = 30.0
"""… doubled up to this, each time it had to be taken back within the seconds of `SOON`."""
SOON = 10.0
BACK_MARGIN = 2.0
"""Where its lowest layer fits so many times, a video moves again at once: then the line is back, and does not waver."""
FIRST_ROOM = 120_000
"""What the smallest picture may take at least, in bit/s, until the line is known."""
START_MARGIN = 2.5
START_SECONDS = 5.0
"""Where a step fits so many times within the first seconds of a video, it is taken at once: the line is a good one."""
WEAK_FOR = 1.0
"""Seconds for which even the lowest layer has to be too much before a video is no video any more."""
UNSTEADY = 18_000
"""Bit/s of its room that a video is to leave where there is no further step; where there is, what makes it fit.

What pictures differ by is a packet or two, however wide the line.
"""
LEAST_UNSTEADY, MOST_UNSTEADY = 0.03, 0.1
"""The same as a part of the room: that of wide lines at least, that of thin ones at most."""
FAR_TOO_MUCH = 1.5
"""So many times what there is for a picture its frames may take together: else some are left out.

An encoder that was told takes a moment to follow. Until then the pacer could only drop what comes last, to the next
keyframe.
"""
AUDIO_ONLY = 50_000
"""Below this estimate sound alone is sent."""
MIN_STILL = 15_000
STILL_SECONDS = 2.0
"""About how far still pictures are apart …"""
STRETCHES = (1, 2, 4)
"""… and how many times that, where the line does not carry everyone's otherwise: seen seldom is better than not."""
FRAMES_PER_KEYFRAME = 8.0
"""A keyframe is about as large as so many other frames."""
ASSUMED_BITS_PER_PIXEL = 2.2
"""Bit/s per pixel of the picture, while nothing was measured: 640×360 at 500 kbit/s."""
ASSUMED_BITRATE = 150_000
"""Of the lowest encoding while its size is unknown; each further one has four times as much."""


@dataclass
class _Memory:
    """What a video was given before."""

    step: int | None = None
    since: float = 0.0
    """When it came."""
    fits_since: float | None = None
    """Since when a higher step has fitted."""
    weak_since: float | None = None
    """Since when not even the lowest layer has."""
    raised_at: float | None = None
    hold: float = MIN_HOLD
    complete: bool = False
    """Whether it was given all there was: what comes on top of that is new, and no step that failed before."""

    @property
    def is_steady(self) -> bool:
        """Whether no step up had to be taken back lately."""
        return self.hold == MIN_HOLD


@dataclass(frozen=True)
class _Ladder:
    """The useful layers of a source, the cheapest first, with what they cost on the wire."""

    source: Source
    layers: tuple[Layer, ...]
    costs: tuple[int, ...]
    stretch: int = 1
    """One of `STRETCHES`."""

    def cost(self, step: int) -> int:
        if step == PAUSED or not self.layers:
            return 0
        if step == STILLS:
            lowest = self.layers[0]
            frames = lowest.frame_rate or 25.0
            still = max(MIN_STILL, round(self.costs[0] / frames * FRAMES_PER_KEYFRAME / STILL_SECONDS))
            return round(still / self.stretch)
        return self.costs[step]

    @property
    def top(self) -> int:
        return len(self.layers) - 1

    @property
    def desired(self) -> int:
        """What the whole of it would take if nobody asked its publisher for less."""
        top = self.layers[-1]
        pixels = max(top.width * top.height if self.source.bounded else 0, self.source.next_pixels)
        bitrate = max(pixels * ASSUMED_BITS_PER_PIXEL, self.source.unbounded_bitrate)
        return max(self.costs[-1], round(bitrate * OVERHEAD))

    def room(self, step: int, share: int, fits: float) -> int:
        """Of a step's cost and a share of what is left on the line, what the publisher's encoder may fill.

        `fits`: which part of the costs of all the line carries, at most 1.
        """
        wire = round((self.cost(step) + share) * fits)
        following = [
            layer for layer in self.layers[max(step, 0) :] if _pixels(layer) > _pixels(self.layers[max(step, 0)])
        ]
        if step < 0 or any(least(layer) * OVERHEAD * UP_MARGIN <= wire for layer in following):
            return round(wire * HEADROOM / UP_MARGIN / OVERHEAD)
        left = max(wire * LEAST_UNSTEADY, min(UNSTEADY, wire * MOST_UNSTEADY))
        return round((wire - left) / OVERHEAD)


class Allocator:
    """The allocations of one line, one after the other."""

    def __init__(self) -> None:
        self._memory: dict[int, _Memory] = {}

    def allocate(
        self,
        now: float,
        estimate: int,
        audio: int,
        sources: Sequence[Source],
        *,
        proven: bool = True,
        limit_seen: bool = False,
    ) -> Allocation:
        """Spends an estimate (bit/s, RTP headers included), of which `audio` is for sound.

        `now` is in seconds and never goes back. While the estimate is not `proven` by any feedback, nobody gets less
        than the lowest layer for its sake. `limit_seen`: the line was seen to carry no more; else a low estimate may
        only be young, and no publisher is asked for less than what is sent.
        """
        ladders = [_ladder(source) for source in sorted(sources, key=lambda source: -source.rank)]
        self._memory = {each.producer_id: self._memory.get(each.producer_id, _Memory()) for each in sources}
        budget = round(estimate * HEADROOM) - audio
        if estimate < AUDIO_ONLY and proven:
            budget = 0
        ladders = _stretched(round(budget / UP_MARGIN), ladders)
        possible = _spend(budget, ladders)
        careful = _spend(round(budget / UP_MARGIN), ladders)
        steps = [
            self._settle(now, ladder, possible[index], careful[index], proven=proven)
            for index, ladder in enumerate(ladders)
        ]
        self._raise(now, budget, ladders, steps, careful)
        cost = sum(ladder.cost(step) for ladder, step in zip(ladders, steps, strict=True))
        share = max(0, budget - cost) // max(1, len(ladders))
        fits = max(0, budget) / cost if proven and limit_seen and 0 < cost > budget else 1.0
        choices = {}
        for ladder, step in zip(ladders, steps, strict=True):
            memory = self._memory[ladder.source.producer_id]
            memory.step = step if ladder.layers else None
            memory.complete = bool(ladder.layers) and step == ladder.top
            choices[ladder.source.producer_id] = _choice(
                ladder, step, share, fits, is_new=now - memory.since < MIN_HOLD
            )
        desired = audio + sum(ladder.desired for ladder in ladders if ladder.layers)
        allocated = audio + sum(choice.bitrate for choice in choices.values())
        return Allocation(choices, allocated, desired)

    def _settle(self, now: float, ladder: _Ladder, possible: int, careful: int, *, proven: bool) -> int:
        """The step of a source without steps up."""
        memory = self._memory[ladder.source.producer_id]
        if not ladder.layers:
            return 0
        if memory.step is None:
            # Somebody who has just come is shown at once, if at all possible; small while nothing is known of the line:
            # first pictures of two sizes are a second's worth of a thin one.
            memory.since, memory.weak_since = now, now if careful < 0 else None
            return max(careful, 0) if proven else 0
        step = min(memory.step, ladder.top)
        if possible >= 0 or not proven:
            memory.weak_since = None
        elif memory.weak_since is None:
            memory.weak_since = now
        if possible < step:
            if memory.raised_at is not None and now - memory.raised_at < SOON:
                memory.hold = min(memory.hold * 2, MAX_HOLD)
            memory.raised_at = memory.fits_since = None
            weak = memory.weak_since is not None and now - memory.weak_since >= WEAK_FOR
            step = possible if weak or (step <= 0 and possible >= 0) else max(possible, min(step, 0))
        return step

    def _raise(
        self, now: float, budget: int, ladders: Sequence[_Ladder], steps: list[int], careful: Sequence[int]
    ) -> None:
        """Takes the steps up that have fitted for long enough, as far as all together fit."""
        spent = sum(ladder.cost(step) for ladder, step in zip(ladders, steps, strict=True))
        for index, ladder in enumerate(ladders):
            memory = self._memory[ladder.source.producer_id]
            if not ladder.layers or careful[index] <= steps[index]:
                memory.fits_since = None
                continue
            if memory.fits_since is None:
                memory.fits_since = now
            if memory.raised_at is not None and now - memory.raised_at > MAX_HOLD:
                memory.hold = MIN_HOLD
            risen = _risen(now, memory, ladder, steps[index], careful[index], budget, budget - spent)
            if risen is not None:
                spent += ladder.cost(risen) - ladder.cost(steps[index])
                steps[index], memory.raised_at = risen, now
                if risen == careful[index]:
                    memory.fits_since = None


def lowest_cost(source: Source) -> int:
    """What the lowest layer of a video takes of a line, in bit/s; what is usual while none is known."""
    return next(iter(_ladder(source).costs), round(ASSUMED_BITRATE * OVERHEAD))


def _ladder(source: Source) -> _Ladder:
    smallest = min((layer.width * layer.height for layer in source.layers), default=0)
    known = [(layer, _wire_cost(layer)) for layer in source.layers]
    if source.bounded:
        # A larger picture that is starved looks worse than a smaller one that is not.
        known = [
            (layer, cost if layer.width * layer.height <= smallest else max(cost, round(least(layer) * OVERHEAD)))
            for layer, cost in known
        ]
    if source.leads:
        known = _whole(known)
    if source.max_height is not None:
        # The smallest picture that fills the tile, or nearly: a little scaling up is not seen.
        enough = [layer.height for layer, _ in known if layer.height * 4 >= source.max_height * 3]
        limit = min(enough, default=None)
        known = [(layer, cost) for layer, cost in known if limit is None or layer.height <= limit]
    if source.sharp:
        largest = max((_pixels(layer) for layer, _ in known), default=0)
        fewest = {_pixels(layer): layer.temporal for layer, _ in sorted(known, key=lambda each: -each[0].temporal)}
        # More frames of a picture come after every larger picture: text that cannot be read moves in vain.
        known = [
            (layer, cost)
            for layer, cost in known
            if _pixels(layer) == largest or layer.temporal == fewest[_pixels(layer)]
        ]
    known.sort(key=lambda pair: (pair[1], pair[0].spatial, pair[0].temporal))
    rising: list[tuple[Layer, int]] = []
    for layer, cost in known:
        # A step of the ladder shows more than the one below it: a larger picture, or as large a one more often.
        last = rising[-1][0] if rising else None
        if last is None or (_pixels(layer), layer.temporal) >= (_pixels(last), last.temporal):
            rising.append((layer, cost))
    return _Ladder(source, tuple(layer for layer, _ in rising), tuple(cost for _, cost in rising))


def _whole(known: Sequence[tuple[Layer, int]]) -> list[tuple[Layer, int]]:
    """Of each size all frames, at what the fewest of them take.

    An encoder that follows the line has fewer bits for each frame within a second; who leaves frames out meanwhile
    makes it believe that there is room for more of those that are left.
    """
    merged: dict[int, tuple[Layer, int]] = {}
    for layer, cost in known:
        other, least_cost = merged.get(layer.spatial, (layer, cost))
        merged[layer.spatial] = (max(other, layer, key=lambda each: each.temporal), min(least_cost, cost))
    return list(merged.values())


def _stretched(budget: int, ladders: Sequence[_Ladder]) -> list[_Ladder]:
    """Has still pictures come as often as the budget carries everyone's."""
    stills = sum(ladder.cost(STILLS) for ladder in ladders)
    stretch = next((each for each in STRETCHES if stills <= budget * each), STRETCHES[-1])
    return [replace(ladder, stretch=stretch) for ladder in ladders]


def _pixels(layer: Layer) -> int:
    return layer.width * layer.height or layer.spatial


def _wire_cost(layer: Layer) -> int:
    bitrate = layer.bitrate
    if bitrate == 0:
        pixels = layer.width * layer.height
        bitrate = round(pixels * ASSUMED_BITS_PER_PIXEL) if pixels else ASSUMED_BITRATE * 4**layer.spatial
    return round(bitrate * OVERHEAD)


def _spend(budget: int, ladders: Sequence[_Ladder]) -> list[int]:
    """The steps that a budget buys: stills for all, then the lowest layer for all, then one step after the other."""
    steps = [PAUSED] * len(ladders)
    left = budget
    for step in (STILLS, 0):
        for index, ladder in enumerate(ladders):
            more = ladder.cost(step) - ladder.cost(steps[index])
            if steps[index] == step - 1 and more <= left:
                steps[index], left = step, left - more
    rising = True
    while rising:
        rising = False
        for index, ladder in enumerate(ladders):
            if 0 <= steps[index] < ladder.top:
                more = ladder.cost(steps[index] + 1) - ladder.cost(steps[index])
                if more <= left:
                    steps[index], left, rising = steps[index] + 1, left - more, True
    return steps


def _risen(now: float, memory: _Memory, ladder: _Ladder, step: int, careful: int, budget: int, free: int) -> int | None:
    """The higher step that a source is to be given, if it is time: of the whole budget so much is `free`."""
    back = ladder.cost(0) - ladder.cost(step)
    if step < 0 and memory.is_steady and back * (1 if ladder.source.leads else BACK_MARGIN) <= free:
        # Where its publisher sends what this very line takes, it has followed. Whatever else fits has to do so for a
        # while, as ever.
        return 0
    if ladder.cost(careful) - ladder.cost(step) > free or memory.fits_since is None:
        return None
    is_long = now - memory.fits_since >= (0.0 if memory.complete and memory.is_steady else memory.hold)
    is_ample = START_MARGIN * ladder.cost(careful) <= budget and now - memory.since < START_SECONDS
    return careful if is_long or (is_ample and memory.is_steady) else None


def _whole_room(ladder: _Ladder, step: int) -> int:
    """What the picture of a step takes with all its frames, as RTP payload: whoever sends it is not to send less."""
    spatial = ladder.layers[step].spatial
    taken = max(_wire_cost(layer) for layer in ladder.source.layers if layer.spatial == spatial)
    return max(FIRST_ROOM, round(taken / OVERHEAD))


def _choice(ladder: _Ladder, step: int, share: int, fits: float, *, is_new: bool) -> Choice:
    if not ladder.layers:
        return Choice(VideoState.VIDEO, None, 0, round(share / OVERHEAD))
    room = ladder.room(step, share, fits)
    if step == PAUSED:
        return Choice(VideoState.PAUSED, None, 0, room)
    if step == STILLS:
        stills = ladder.cost(STILLS)
        return Choice(VideoState.STILLS, ladder.layers[0], stills, room, STILL_SECONDS * ladder.stretch)
    if is_new:
        # Nobody is asked for a larger picture in its place yet.
        room = min(room, _whole_room(ladder, step))
    state = VideoState.VIDEO if step == ladder.top else VideoState.REDUCED
    layer = _fewer_frames(ladder, step, ladder.cost(step) + share) if ladder.source.leads else ladder.layers[step]
    return Choice(state, layer, ladder.cost(step), room)


def _fewer_frames(ladder: _Ladder, step: int, wire: int) -> Layer:
    """The layer of a step, with as many of its frames as fit if all are far too much for what there is of the line."""
    chosen = ladder.layers[step]
    of_its_size = [
        (layer, _wire_cost(layer))
        for layer in ladder.source.layers
        if layer.spatial == chosen.spatial and layer.temporal <= chosen.temporal
    ]
    if max((cost for _, cost in of_its_size), default=0) <= wire * FAR_TOO_MUCH:
        return chosen
    fitting = [layer for layer, cost in of_its_size if cost <= wire]
    fewest = min((layer for layer, _ in of_its_size), key=lambda layer: layer.temporal)
    return max(fitting, key=lambda layer: layer.temporal, default=fewest)
