//! A consumer: one producer as sent to one receiver.
//!
//! Each packet is composed for its receiver in one pass: its own SSRC, sequence number, timestamp, payload type and
//! header extensions, as if the producer had negotiated with it. Nothing is kept per packet: what the receiver asks for
//! again is found in the producer's history and composed once more.

mod compose;
mod frame_numbers;
mod frame_selection;
mod handover;
mod layers;
mod padding;
mod payload;
mod picture_ids;
mod redundancy;
mod reports;
mod resend;
mod run;
mod sequence_map;
mod stamps;
mod watchdog;

use std::time::Duration;

use self::frame_numbers::FrameNumbers;
use self::frame_selection::MarkerLog;
use self::layers::{Choice, Layers};
pub use self::padding::MAX_PADDING_PACKET;
use self::payload::Body;
pub use self::payload::PayloadTypes;
use self::picture_ids::PictureIds;
pub use self::redundancy::MAX_FRAMES as MAX_REPEATED_FRAMES;
use self::redundancy::{Redundancy, RepeatsLog};
use self::reports::Totals;
pub use self::resend::Resend;
pub use self::run::Alignment;
use self::run::{Epoch, LastSent, Offsets};
use self::sequence_map::SequenceMap;
use self::stamps::StampLog;
pub use self::stamps::{StampPlaces, Stamps};
use self::watchdog::ConsumerWatchdog;
use crate::codec::Codec;
use crate::codec::pictures::PictureNumbers;
use crate::extension::{ExtensionMap, ExtensionTranslation};
use crate::media_packet::MediaPacket;
use crate::pacer::Withdrawn;
use crate::params::{ConsumerParams, MediaKind};
use crate::producer::Producer;
use crate::repair::ResendGuard;
use crate::report::{BitrateMeter, RemoteStats};
use crate::sequence;
use crate::time::Time;

/// Length of a MID at most (the one-byte form carries no more).
pub const MAX_MID_LEN: usize = 16;
/// Length of a CNAME at most (RFC 3550, section 6.5).
const MAX_CNAME_LEN: usize = 255;
/// Why a consumer cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsumerError {
    /// Payload types have seven bits.
    #[error("payload type {0} is not within 0–127")]
    PayloadType(u8),
    /// One of the producer's payload types would be two of the receiver's.
    #[error("the producer's payload type {0} is mapped twice")]
    DuplicatePayloadType(u8),
    /// Longer than a header extension may carry, or empty.
    #[error("mid must have 1 to {MAX_MID_LEN} bytes")]
    Mid,
    /// Longer than SDES may carry, or empty.
    #[error("cname must have 1 to {MAX_CNAME_LEN} bytes")]
    Cname,
    /// More than a packet repeats.
    #[error("frames is {0}, and 0 to {MAX_REPEATED_FRAMES} are possible")]
    RedundantFrames(u8),
    /// Only audio is repeated.
    #[error("it is not of audio")]
    NotAudio,
    /// Only video is handed over to another producer.
    #[error("it is not of video")]
    NotVideo,
    /// Handed over to a producer of which the receiver would get nothing.
    #[error("payload_types is empty")]
    NoPayloadType,
    /// The receiver knows only the codecs that were negotiated.
    #[error("the receiver's payload type {receiver} is not the codec of the producer's payload type {producer}")]
    OtherCodec {
        /// The producer's.
        producer: u8,
        /// The receiver's.
        receiver: u8,
    },
    /// The receiver would not understand.
    #[error("it was made without a redundancy_payload_type")]
    NoRedundancy,
}

/// Where the packets of a consumer stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The sequence number after the highest that was composed: extended.
    pub next: u64,
    /// The frame that was composed last, by its RTP timestamp as the receiver gets it.
    pub frame: Option<u32>,
    /// Whether that is a keyframe.
    pub keyframe: bool,
}

/// A plain RTP packet that was composed. Before it leaves, its stamps are to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Composed {
    /// Where its payload starts.
    pub header_len: usize,
    /// Its length.
    pub len: usize,
    /// Its extended sequence number; of a retransmission that of the original.
    pub sequence: u64,
    /// Where what belongs to the moment of sending goes.
    pub stamps: StampPlaces,
}

/// One producer as sent to one receiver.
pub struct Consumer {
    kind: MediaKind,
    clock_rate: u32,
    ssrc: u32,
    rtx_ssrc: Option<u32>,
    mid: Vec<u8>,
    cname: String,
    takes_nack: bool,
    payload_types: PayloadTypes,
    /// What the receiver's payload types stand for. A handful.
    codecs: Vec<(u8, Codec)>,
    redundancy: Redundancy,
    repeats_log: RepeatsLog,
    extensions: ExtensionTranslation,
    paused: bool,
    priority: u8,
    layers: Layers,
    /// The run that is being sent; none before the start, and while a keyframe is waited for.
    current: Option<Epoch>,
    /// The run before that one, of which packets may still be asked for again.
    previous: Option<Epoch>,
    epochs: u32,
    map: SequenceMap,
    first_timestamp_offset: u32,
    last: Option<LastSent>,
    alignment: Option<Alignment>,
    picture_ids: PictureIds,
    frame_numbers: FrameNumbers,
    rtx_sequence_number: u16,
    /// Which of the recent packets was sent once more last.
    spare_offset: u64,
    resends: ResendGuard,
    stamp_log: StampLog,
    marker_log: MarkerLog,
    /// Packets before this one had other header extensions than they would be written with now.
    rewritten_before: u64,
    keyframe_sent: Option<Time>,
    /// RTP timestamp of the newest keyframe, as the receiver gets it.
    keyframe_timestamp: Option<u32>,
    /// Sequence number of its first packet, extended.
    keyframe_begins: Option<u64>,
    remote: RemoteStats,
    watchdog: ConsumerWatchdog,
    meter: BitrateMeter,
    totals: Totals,
}

impl Consumer {
    /// A consumer of `producer`. Its first numbers follow from `seed`, which nobody should be able to guess (RFC 3550,
    /// section 5.1). The watchdog reports a stall after `stall_timeout` at the soonest.
    pub fn new(
        params: &ConsumerParams,
        producer: &Producer,
        seed: u64,
        stall_timeout: Duration,
    ) -> Result<Self, ConsumerError> {
        let mid = params.mid.clone().unwrap_or_default().into_bytes();
        if mid.len() > MAX_MID_LEN || (params.mid.is_some() && mid.is_empty()) {
            return Err(ConsumerError::Mid);
        }
        if params.cname.is_empty() || params.cname.len() > MAX_CNAME_LEN {
            return Err(ConsumerError::Cname);
        }
        let redundancy_payload_type = params.redundancy_payload_type;
        if let Some(payload_type) = redundancy_payload_type.filter(|payload_type| *payload_type > 127) {
            return Err(ConsumerError::PayloadType(payload_type));
        }
        // Below 2^15, so that a receiver that misses the first packets cannot mistake how often they have wrapped
        // around (RFC 3711, section 3.3.1).
        let first_out = sequence::first(seed as u16 & 0x7fff);
        Ok(Consumer {
            kind: producer.kind(),
            clock_rate: producer.clock_rate(),
            ssrc: params.ssrc,
            rtx_ssrc: params.rtx_ssrc,
            mid,
            cname: params.cname.clone(),
            takes_nack: params.rtcp_feedback.iter().any(|feedback| feedback == "nack"),
            payload_types: PayloadTypes::new(&params.payload_types)?,
            codecs: handover::codecs(&params.payload_types, producer),
            redundancy: Redundancy { payload_type: redundancy_payload_type, frames: None },
            repeats_log: RepeatsLog::default(),
            extensions: ExtensionTranslation::default(),
            paused: params.paused,
            priority: 0,
            layers: Layers::default(),
            current: None,
            previous: None,
            epochs: 0,
            map: SequenceMap::new(first_out),
            first_timestamp_offset: (seed >> 32) as u32,
            last: None,
            alignment: None,
            picture_ids: PictureIds::default(),
            frame_numbers: FrameNumbers::default(),
            spare_offset: 0,
            rtx_sequence_number: (seed >> 16) as u16 & 0x7fff,
            resends: ResendGuard::default(),
            stamp_log: StampLog::default(),
            marker_log: MarkerLog::default(),
            rewritten_before: 0,
            keyframe_sent: None,
            keyframe_timestamp: None,
            keyframe_begins: None,
            remote: RemoteStats::default(),
            watchdog: ConsumerWatchdog::new(stall_timeout),
            meter: BitrateMeter::default(),
            totals: Totals::default(),
        })
    }

    /// Audio or video.
    #[inline]
    pub fn kind(&self) -> MediaKind {
        self.kind
    }

    /// Who goes first where the line is thin: higher before lower.
    pub fn priority(&self) -> u8 {
        self.priority
    }

    /// Sets who goes first.
    pub fn set_priority(&mut self, priority: u8) {
        self.priority = priority;
    }

    /// Where its packets stand before the next is composed.
    pub fn progress(&self) -> Progress {
        let frame = self.last.map(|last| last.timestamp);
        Progress { next: self.map.next_out(), frame, keyframe: frame.is_some() && frame == self.keyframe_timestamp }
    }

    /// SSRC towards the receiver.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// SSRC of retransmissions, where negotiated.
    pub fn rtx_ssrc(&self) -> Option<u32> {
        self.rtx_ssrc
    }

    /// CNAME of the participant that is heard or seen.
    pub fn cname(&self) -> &str {
        &self.cname
    }

    /// Whether a run is being sent.
    pub fn is_sending(&self) -> bool {
        self.current.is_some()
    }

    /// Whether nothing is sent.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether the producer has to [keep packets](Producer::enable_history) for it.
    pub fn wants_history(&self) -> bool {
        self.takes_nack || self.kind == MediaKind::Video || self.repeats()
    }

    /// Whether earlier frames are to be repeated, so that [`forward_repeating`](Self::forward_repeating) is needed.
    #[inline]
    pub fn repeats(&self) -> bool {
        self.redundancy.is_set()
    }

    /// Repeats the last `frames` in each packet of Opus from now on (RFC 2198); with 0 the publisher's own redundancy is
    /// taken off as well. The producer has to keep packets from now on.
    pub fn set_redundancy(&mut self, frames: u8) -> Result<(), ConsumerError> {
        if self.kind == MediaKind::Video {
            return Err(ConsumerError::NotAudio);
        }
        if frames > MAX_REPEATED_FRAMES {
            return Err(ConsumerError::RedundantFrames(frames));
        }
        if frames > 0 && self.redundancy.payload_type.is_none() {
            return Err(ConsumerError::NoRedundancy);
        }
        self.redundancy.frames = Some(frames);
        Ok(())
    }

    /// Smoothed round trip to the receiver.
    pub fn round_trip_time(&self) -> Option<Duration> {
        self.remote.round_trip
    }

    /// Sets how header extensions are translated: `receive` is of the producer's transport, `send` of the receiver's.
    /// To be called before the first packet, and after either changed.
    pub fn set_extensions(&mut self, receive: &ExtensionMap, send: &ExtensionMap) {
        let extensions = ExtensionTranslation::between(receive, send);
        if self.extensions != extensions {
            self.extensions = extensions;
            // Packets from before could not be made again as they were.
            self.stamp_log.clear();
            self.rewritten_before = self.map.next_out();
        }
    }

    /// Pauses or resumes. Resumed video starts at a keyframe: see [`needs_keyframe`](Self::needs_keyframe).
    pub fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
        if paused {
            self.stop();
        }
    }

    /// The last packets that were composed will not be sent after all: from `next` on their sequence numbers are used
    /// again. What is sent then begins anew, with a keyframe.
    pub fn withdraw(&mut self, withdrawn: &Withdrawn) {
        self.stop();
        self.map.rewind(withdrawn.next);
        self.keyframe_sent = None;
        self.totals.packets -= withdrawn.packets;
        self.totals.packets_at_last_report = self.totals.packets_at_last_report.min(self.totals.packets);
        self.totals.bytes -= withdrawn.bytes;
    }

    /// A keyframe that waited leaves only now.
    pub fn keyframe_left(&mut self, now: Time) {
        self.keyframe_sent = Some(now);
    }

    /// Whether a keyframe is waited for, of the [wanted encoding](Self::wanted_encoding): before that nothing is sent, or
    /// another encoding. The caller tries [`Producer::replay_from_keyframe`], and
    /// asks the producer for one if that gives nothing.
    pub fn needs_keyframe(&self) -> bool {
        self.kind == MediaKind::Video
            && !self.paused
            && (self.current.is_none() || self.layers.encoding != self.layers.wanted)
    }

    /// Composes the packet for the receiver, plain and without stamps, into `out`, which has [`MediaPacket::max_len`]
    /// bytes or more. None where there is nothing to send.
    #[inline]
    pub fn forward(&mut self, now: Time, packet: &MediaPacket<'_>, out: &mut [u8]) -> Option<Composed> {
        self.forward_body(now, packet, self.payload_types.body(packet), out)
    }

    /// Composes the packet as [`forward`](Self::forward) does, with earlier frames as they were
    /// [set](Self::set_redundancy). `out` has [`max_repeating_len`](Self::max_repeating_len) bytes or more.
    pub fn forward_repeating(
        &mut self,
        now: Time,
        packet: &MediaPacket<'_>,
        producer: &Producer,
        out: &mut [u8],
    ) -> Option<Composed> {
        // Nothing from before the run: this receiver was not to hear it.
        let epoch = self.current.filter(|epoch| epoch.stream == packet.stream);
        let sent_before = epoch.map_or(0, |epoch| packet.sequence.saturating_sub(epoch.first));
        let repeats = self.redundancy.repeats(sent_before);
        let body = self.redundancy.body(now, &self.payload_types, packet, producer, repeats);
        self.forward_body(now, packet, body, out)
    }

    /// What composing a packet with earlier frames needs at most, in bytes.
    #[inline]
    pub fn max_repeating_len(packet: &MediaPacket<'_>) -> usize {
        packet.max_len() + redundancy::MAX_PAYLOAD
    }

    #[inline]
    fn forward_body(
        &mut self,
        now: Time,
        packet: &MediaPacket<'_>,
        body: Option<Body<'_>>,
        out: &mut [u8],
    ) -> Option<Composed> {
        if !self.takes(packet) {
            return None;
        }
        let body = body.filter(|_| !packet.payload.is_empty());
        if body.is_none() && !packet.payload.is_empty() {
            self.totals.dropped_unmapped += 1;
        }
        if !self.admits_encoding(packet, body.is_some()) {
            return None;
        }
        let epoch = match self.current {
            Some(epoch) if epoch.stream == packet.stream => epoch,
            _ => self.start(packet, body.is_some())?,
        };
        let Some(body) = body else {
            return self.skip(packet, false, epoch, out);
        };
        if let Choice::LeaveOut { closes } = self.choose_layer(now, packet) {
            return self.skip(packet, closes, epoch, out);
        }
        let sequence = self.map.map(packet.sequence)?;
        let closed = self.map.closed_before(packet.sequence);
        let offsets = epoch.offsets.closed_up(closed);
        let marker = packet.marker || self.layers.ends_picture(packet);
        if packet.frame.is_some() {
            self.marker_log.insert(sequence, marker != packet.marker);
        }
        let composed = self.compose_media(packet, &body, sequence, marker, offsets, out)?;
        if self.redundancy.is_set() && self.takes_nack {
            self.repeats_log.insert(sequence, body.repeated.repeats);
        }
        self.count(now, packet, sequence, body.written_len(), &offsets);
        Some(composed)
    }

    #[inline]
    fn count(&mut self, now: Time, packet: &MediaPacket<'_>, sequence: u64, payload_len: usize, offsets: &Offsets) {
        self.totals.packets += 1;
        self.totals.bytes += payload_len as u64;
        self.meter.add(now, payload_len);
        self.watchdog.sent(now);
        let is_late = |last: LastSent| last.stream == packet.stream && packet.sequence < last.source_sequence;
        if !self.last.is_some_and(is_late) {
            self.last = Some(LastSent {
                stream: packet.stream,
                source_sequence: packet.sequence,
                timestamp: packet.timestamp.wrapping_add(offsets.timestamp),
                arrival: packet.arrival,
            });
        }
        if packet.keyframe {
            self.keyframe_sent = Some(now);
            let timestamp = Some(packet.timestamp.wrapping_add(offsets.timestamp));
            if self.keyframe_timestamp != timestamp {
                (self.keyframe_timestamp, self.keyframe_begins) = (timestamp, Some(sequence));
            }
        }
        if let Some(numbers) = PictureNumbers::read(packet.codec, packet.payload) {
            self.picture_ids.sent(&numbers, offsets.picture);
        }
        if let Some(descriptor) = self.descriptor(packet) {
            self.frame_numbers.sent(&descriptor, offsets.frame_number);
        }
    }
}

#[cfg(test)]
mod tests;
