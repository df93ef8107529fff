//! One encoding of a producer: its numbers, what is missing of it, what is kept of it.

use super::dependencies::Dependencies;
use super::h264_layers::H264Layers;
use super::keyframe_requester::KeyframeRequester;
use super::layer_meter::LayerMeter;
use super::vp9_layers::Vp9Layers;
use std::time::Duration;

use super::received_window::{ReceivedWindow, WINDOW};
use crate::media_packet::{MediaPacket, StreamId};
use crate::packet::rtcp::ReportBlock;
use crate::params::{EncodingParams, MediaKind};
use crate::repair::{BlockPool, History, HistoryLimits, NackGenerator};
use crate::report::{ReceiveStats, RtpClock};
use crate::sequence;
use crate::time::Time;

/// A jump ahead beyond this is taken for a source that starts over, once a second packet follows (RFC 3550, A.1).
const MAX_DROPOUT: u64 = 3_000;
/// Video that is kept for retransmission: what a receiver can still use after a round trip or two.
const VIDEO_HISTORY: HistoryLimits =
    HistoryLimits { max_age: Duration::from_millis(1_500), max_packets: 1_024, max_blocks: 48 };
/// Audio that is kept: it is played sooner.
const AUDIO_HISTORY: HistoryLimits =
    HistoryLimits { max_age: Duration::from_millis(1_000), max_packets: 128, max_blocks: 4 };
/// How long lost packets are asked for.
const VIDEO_NACK_AGE: Duration = Duration::from_millis(1_500);
const AUDIO_NACK_AGE: Duration = Duration::from_millis(500);
/// After a new SSRC has taken over, stragglers of the old one do not take it back for this time.
const REBIND_GUARD: Duration = Duration::from_secs(2);

/// Where a packet stands in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// It is new, with this extended sequence number.
    New(u64),
    /// It is new, and the first after the source started over.
    Restarted(u64),
    /// It came before, or so late that nobody can tell.
    Duplicate,
    /// Far from where the stream was: dropped, unless the next one follows it.
    Astray,
}

/// What has been received of the current run.
struct Run {
    window: ReceivedWindow,
    stats: ReceiveStats,
    /// Where the stream would continue, had it jumped with the last stray packet.
    after_stray: Option<u16>,
    recovered: u64,
    last_keyframe: Option<Keyframe>,
}

#[derive(Clone, Copy)]
struct Keyframe {
    sequence: u64,
    timestamp: u32,
    arrival: Time,
}

/// One encoding.
pub(super) struct EncodingStream {
    pub ssrc: Option<u32>,
    pub rtx_ssrc: Option<u32>,
    pub rid: Option<String>,
    pub id: StreamId,
    pub nack: NackGenerator,
    pub clock: Option<RtpClock>,
    /// The same on the publisher's own clock: encodings of one picture are compared by it to the tick.
    pub publisher_clock: Option<RtpClock>,
    pub history: History,
    pub keyframes: KeyframeRequester,
    pub layers: LayerMeter,
    pub dependencies: Dependencies,
    pub vp9_layers: Vp9Layers,
    pub h264_layers: H264Layers,
    run: Option<Run>,
    /// The RID that came with `ssrc`, if any.
    heard_rid: Option<Box<[u8]>>,
    /// The SSRC that was replaced last, and when.
    replaced: Option<(u32, Time)>,
    /// Lost in runs that ended.
    lost_before: i64,
    history_limits: HistoryLimits,
}

impl EncodingStream {
    pub fn new(kind: MediaKind, params: &EncodingParams, id: StreamId) -> Self {
        let (history_limits, nack_age) = match kind {
            MediaKind::Video => (VIDEO_HISTORY, VIDEO_NACK_AGE),
            MediaKind::Audio => (AUDIO_HISTORY, AUDIO_NACK_AGE),
        };
        EncodingStream {
            ssrc: params.ssrc,
            rtx_ssrc: params.rtx_ssrc,
            rid: params.rid.clone(),
            id,
            nack: NackGenerator::new(nack_age),
            clock: None,
            publisher_clock: None,
            history: History::new(history_limits),
            keyframes: KeyframeRequester::default(),
            layers: LayerMeter::default(),
            dependencies: Dependencies::default(),
            vp9_layers: Vp9Layers::default(),
            h264_layers: H264Layers::default(),
            run: None,
            heard_rid: None,
            replaced: None,
            lost_before: 0,
            history_limits,
        }
    }

    /// Whether an unknown SSRC with this RID is another encoding of a sender that sends more than was agreed on: such a
    /// one is not to take over from an encoding that still comes.
    pub fn is_beside(&self, rid: Option<&[u8]>) -> bool {
        let agreed = self.rid.as_deref().map(str::as_bytes);
        if agreed.is_some() && agreed == rid {
            return false;
        }
        (agreed.is_some() || self.heard_rid.is_some()) && self.heard_rid.as_deref() != rid
    }

    /// Whether its SSRC came with a RID.
    pub fn has_heard_rid(&self) -> bool {
        self.heard_rid.is_some()
    }

    /// Takes `ssrc`, which came with `rid`, for the media of this encoding. False for an SSRC that was replaced just
    /// now.
    pub fn bind_media(&mut self, now: Time, ssrc: u32, rid: Option<&[u8]>) -> bool {
        let straggler = |(old, at): (u32, Time)| old == ssrc && now.since(at) < REBIND_GUARD;
        if self.replaced.is_some_and(straggler) {
            return false;
        }
        self.replaced = self.ssrc.map(|old| (old, now));
        self.ssrc = Some(ssrc);
        self.heard_rid = rid.map(Into::into);
        true
    }

    /// Goes on as `id`, with the same numbers. What is missing from before is not asked for any more.
    pub fn renew(&mut self, id: StreamId) {
        self.id = id;
        self.nack.reset();
    }

    /// Begins a new run: the next packet is the first of `id`.
    pub fn restart(&mut self, id: StreamId) {
        if let Some(run) = self.run.take() {
            self.lost_before += run.lost();
        }
        self.id = id;
        self.nack.reset();
        self.clock = None;
        self.publisher_clock = None;
        self.dependencies = Dependencies::default();
        self.vp9_layers = Vp9Layers::default();
        self.h264_layers = H264Layers::default();
    }

    /// Finds the place of a media packet that came in its own right, and counts it. The caller gives the stream a new
    /// id where it [restarted](Placement::Restarted).
    #[inline]
    pub fn place(&mut self, now: Time, sequence_number: u16, timestamp: u32, clock_rate: u32) -> Placement {
        let Some(run) = &mut self.run else {
            return Placement::New(self.begin(now, sequence_number, timestamp, clock_rate));
        };
        let highest = run.window.highest();
        let sequence = sequence::nearest(highest, sequence_number);
        if sequence > highest + MAX_DROPOUT || sequence + WINDOW <= highest {
            return self.place_stray(now, sequence_number, timestamp, clock_rate);
        }
        run.after_stray = None;
        // Duplicates count for the report: they are what the network did.
        run.stats.received(now, sequence, timestamp, clock_rate);
        if run.window.insert(sequence) { Placement::New(sequence) } else { Placement::Duplicate }
    }

    /// Finds the place of a packet that came by retransmission. There is none before the first packet of the media.
    pub fn place_recovered(&mut self, sequence_number: u16) -> Placement {
        let Some(run) = &mut self.run else { return Placement::Astray };
        let highest = run.window.highest();
        let sequence = sequence::nearest(highest, sequence_number);
        if sequence > highest || !run.window.insert(sequence) {
            return Placement::Duplicate;
        }
        run.recovered += 1;
        Placement::New(sequence)
    }

    #[cold]
    fn place_stray(&mut self, now: Time, sequence_number: u16, timestamp: u32, clock_rate: u32) -> Placement {
        let Some(run) = &mut self.run else { return Placement::Astray };
        if run.after_stray != Some(sequence_number) {
            run.after_stray = Some(sequence_number.wrapping_add(1));
            return Placement::Astray;
        }
        let id = self.id;
        self.restart(id);
        Placement::Restarted(self.begin(now, sequence_number, timestamp, clock_rate))
    }

    fn begin(&mut self, now: Time, sequence_number: u16, timestamp: u32, clock_rate: u32) -> u64 {
        let sequence = sequence::first(sequence_number);
        let mut stats = ReceiveStats::new(sequence);
        stats.received(now, sequence, timestamp, clock_rate);
        let window = ReceivedWindow::starting_with(sequence);
        self.run = Some(Run { window, stats, after_stray: None, recovered: 0, last_keyframe: None });
        sequence
    }

    /// Notes a packet in which a keyframe starts. True for the first of its frame.
    pub fn keyframe(&mut self, packet: &MediaPacket<'_>) -> bool {
        let Some(run) = &mut self.run else { return false };
        if run.last_keyframe.is_some_and(|last| last.timestamp == packet.timestamp || last.sequence > packet.sequence) {
            return false;
        }
        let keyframe = Keyframe { sequence: packet.sequence, timestamp: packet.timestamp, arrival: packet.arrival };
        run.last_keyframe = Some(keyframe);
        true
    }

    /// Sequence number of the newest keyframe's first packet.
    pub fn last_keyframe(&self) -> Option<u64> {
        Some(self.run.as_ref()?.last_keyframe?.sequence)
    }

    /// Everything since the newest keyframe, if that came within `max_age`, as far as it is held.
    pub fn packets_since_keyframe(&self, now: Time, max_age: Duration) -> impl Iterator<Item = MediaPacket<'_>> {
        let range = self.run.as_ref().and_then(|run| {
            let keyframe = run.last_keyframe.filter(|keyframe| now.since(keyframe.arrival) <= max_age)?;
            Some(keyframe.sequence..=run.window.highest())
        });
        range.into_iter().flatten().filter_map(move |sequence| self.history.get(now, self.id, sequence))
    }

    /// The reception report since the last one; none before the first packet.
    pub fn report(&mut self, now: Time) -> Option<ReportBlock> {
        Some(self.run.as_mut()?.stats.report(now, self.ssrc?))
    }

    /// A sender report came, with this middle of its NTP time.
    pub fn sender_report(&mut self, now: Time, ntp_middle: u32) {
        if let Some(run) = &mut self.run {
            run.stats.sender_report(now, ntp_middle);
        }
    }

    /// Packets lost for good so far.
    pub fn lost(&self) -> i64 {
        self.lost_before + self.run.as_ref().map_or(0, Run::lost)
    }

    /// Jitter in seconds.
    pub fn jitter_seconds(&self, clock_rate: u32) -> f64 {
        self.run.as_ref().map_or(0.0, |run| run.stats.jitter_seconds(clock_rate))
    }

    /// Gives the history's memory back, all of it.
    pub fn clear_history(&mut self, pool: &mut BlockPool) {
        self.history.clear(pool);
        self.history = History::new(self.history_limits);
    }
}

impl Run {
    fn lost(&self) -> i64 {
        self.stats.expected() as i64 - self.stats.packets() as i64 - self.recovered as i64
    }
}
