"""The figures that a run has of each participant, with their units: what thresholds may name and reports show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from loadtest.quantities import parse_duration, parse_rate, parse_share


class Unit(Enum):
    """How a figure is written; all are plain numbers inside: seconds, bit/s, shares of one."""

    SECONDS = "s"
    SHARE = "share"
    RATE = "bit/s"
    NUMBER = ""
    BYTES = "B"


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of one participant (or of the run) over a window."""

    name: str
    unit: Unit
    about: str

    @property
    def parse(self) -> Callable[[str], float]:
        """Reads a bound as people write it. Raises `ValueError` with what is expected."""
        readers: dict[Unit, Callable[[str], float]] = {
            Unit.SECONDS: parse_duration,
            Unit.SHARE: parse_share,
            Unit.RATE: parse_rate,
        }
        return readers.get(self.unit, _number)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("a number") from None


_S, _P, _R, _N = Unit.SECONDS, Unit.SHARE, Unit.RATE, Unit.NUMBER

METRICS = {
    metric.name: metric
    for metric in (
        Metric("join_time", _S, "from asking to enter until the bridge let it in"),
        Metric("connect_time", _S, "from asking to enter until media could flow"),
        Metric("first_picture", _S, "until the first picture of anybody who was there; the slowest of its senders"),
        Metric("delay_p50", _S, "from camera to screen, median of all pictures"),
        Metric("delay_p95", _S, "the same, 95th percentile"),
        Metric("fps", _N, "new pictures a second, of the sender that comes off worst"),
        Metric("fps_best", _N, "of the sender that comes off best"),
        Metric("height", _N, "lines of the pictures, the mean over time, of the sender that comes off worst"),
        Metric("height_best", _N, "of the sender that comes off best"),
        Metric("gap_seconds", _S, "all times of over half a second without a new picture, of the sender worst off"),
        Metric("gap_share", _P, "the same as a share of the time that it was watched"),
        Metric("gap_seconds_best", _S, "of the sender that comes off best: the active speaker, as a rule"),
        Metric("gap_longest", _S, "the longest time between two new pictures of one sender"),
        Metric("freezes", _N, "as W3C's webrtc-stats counts them: freezeCount, all senders"),
        Metric("freeze_share", _P, "totalFreezesDuration as a share of the time, of the sender worst off"),
        Metric("layer_switches", _N, "changes of the size of a picture, all senders"),
        Metric("concealed", _P, "of the sound that was played, what was made up; of the sender worst off"),
        Metric("sound_gaps", _N, "how often sound was made up (concealmentEvents), all senders"),
        Metric("sound_mos", _N, "estimate of how the sound was liked, from 1 to 4.5 (E-model); the sender worst off"),
        Metric("residual_loss", _P, "packets that no repair brought, of all that were due"),
        Metric("received", _R, "payload of media that was received"),
        Metric("sent", _R, "payload of media that was sent"),
        Metric("down_used", _P, "of what its narrowest line could carry towards it, what was carried, others included"),
        Metric("up_used", _P, "the same, away from it"),
        Metric("queue_down_p95", _S, "wait before the line, towards it, 95th percentile of all packets"),
        Metric("queue_up_p95", _S, "the same, away from it"),
        Metric("queue_down_p50", _S, "median"),
        Metric("queue_up_p50", _S, "median"),
        Metric(
            "queue_settled", _S, "from the window's begin until no packet towards it waits for over 100 ms any more"
        ),
        Metric("fresh_picture", _S, "from the window's begin until every sender's picture was taken after that"),
        Metric(
            "size_back", _S, "from the window's begin until all pictures have 90 % of the most lines they get in it"
        ),
        Metric("sound_back", _S, "from the window's begin until no sound is made up any more, to half a second"),
        Metric("burst_down", _R, "what was offered to its line in the busiest second, with headers"),
        Metric("queue_drops_down", _N, "packets towards it that found the queue full"),
        Metric("queue_drops_up", _N, "the same, away from it"),
        Metric("upstream_estimate", _R, "what its own estimator thought it may send, median"),
        Metric("downstream_estimate", _R, "what the bridge's estimator thought it may send it, median"),
        Metric("reconnects", _N, "how often a connection was lost"),
        Metric("bridge_cpu", _P, "of one core, by the bridge; of the run"),
        Metric("bridge_memory", Unit.BYTES, "resident memory of the bridge at its most; of the run"),
        Metric("machine_busy", _P, "of all processors of this machine, by whatever runs; of the run"),
        Metric("fairness", _N, "Jain's index of what participants of one line received; of the run"),
        Metric(
            "door_to_picture_p50",
            _S,
            "from a doctor's admit to the first packet of a keyframe at the patient; of the run",
        ),
        Metric("door_to_picture_p95", _S, "the same, 95th percentile"),
        Metric("door_to_picture_p99", _S, "the same, 99th percentile"),
        Metric("door_to_picture_max", _S, "the same, the longest"),
        Metric(
            "doctor_to_picture_p50", _S, "from a doctor's admit to a keyframe of the patient at the doctor; of the run"
        ),
        Metric("doctor_to_picture_p95", _S, "the same, 95th percentile"),
        Metric("doctor_to_picture_p99", _S, "the same, 99th percentile"),
        Metric("doctor_to_picture_max", _S, "the same, the longest"),
        Metric("rest_p50", _S, "from asking the REST API to the whole answer; of the run"),
        Metric("rest_p95", _S, "the same, 95th percentile"),
        Metric("rest_p99", _S, "the same, 99th percentile"),
        Metric("rest_max", _S, "the same, the longest"),
        Metric("event_loop_lag_p50", _S, "how late the bridge's event loop was, by its metrics; of the run"),
        Metric("event_loop_lag_p99", _S, "the same, 99th percentile"),
        Metric("admissions", _N, "patients who were let in; of the run"),
        Metric("rest_requests", _N, "requests to the REST API; of the run"),
        Metric("lobby_changes", _N, "notices to those who waited; of the run"),
        Metric("failures", _N, "whatever went otherwise than it should: refusals, timeouts, wrong places; of the run"),
        Metric("clients_late_p99", _S, "how late the processes of the clients were, that of the worst; of the run"),
        Metric("clients_cpu", _P, "of one core, by them; of the run"),
        Metric("emulator_late", _S, "how late the emulator was, the worst 99th percentile of a second; of the run"),
    )
}
