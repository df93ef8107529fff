//! Runs of a producer as one receiver gets them, so that its numbers go on without a seam.

use super::payload::Body;
use super::picture_ids::PictureOffsets;
use super::sequence_map::Skip;
use super::{Composed, Consumer};
use crate::codec::pictures::PictureNumbers;
use crate::media_packet::{MediaPacket, StreamId};
use crate::producer::Producer;
use crate::time::Time;

/// The publisher's reports are not believed where they place a picture further from when it came than a second divided
/// by this.
const MAX_MISALIGNMENT: u32 = 2;

/// What is added to the numbers of one run of the producer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offsets {
    pub timestamp: u32,
    /// How much of `timestamp` only keeps time from standing still: what the next run is not to inherit.
    pub ahead: u32,
    pub picture: PictureOffsets,
    pub frame_number: u16,
}

impl Offsets {
    /// The offsets of a packet before which so many pictures of the run were left out.
    #[inline]
    #[must_use]
    pub fn closed_up(mut self, pictures: u16) -> Self {
        if pictures > 0 {
            self.picture = self.picture.closed_up(pictures);
        }
        self
    }
}

/// A run of the producer as this receiver gets it: from a start, or a resumption, to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Epoch {
    pub number: u32,
    pub stream: StreamId,
    /// The producer's sequence number that it starts with.
    pub first: u64,
    pub offsets: Offsets,
}

/// Where a packet that may start a run lies in the time of what was sent before.
#[derive(Clone, Copy, Debug)]
pub struct Alignment {
    /// Its stream and sequence number.
    packet: (StreamId, u64),
    /// The timestamp that the stream sent before had then, as the receiver gets it.
    timestamp: u32,
}

/// The newest packet that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastSent {
    pub stream: StreamId,
    pub source_sequence: u64,
    pub timestamp: u32,
    pub arrival: Time,
}

impl Consumer {
    /// Ends the current run: the next packet has to start a new one. To be called where nothing can be sent for a while.
    pub fn stop(&mut self) {
        if let Some(epoch) = self.current.take() {
            self.previous = Some(epoch);
        }
        self.watchdog.pause();
    }

    /// Starts a run with `packet`, if that is possible. A producer's runs follow each other, so that a packet of
    /// another run than the current one ends that.
    #[cold]
    pub(super) fn start(&mut self, packet: &MediaPacket<'_>, is_sendable: bool) -> Option<Epoch> {
        self.stop();
        let was_sent = |last: LastSent| last.stream == packet.stream && packet.sequence <= last.source_sequence;
        if !packet.keyframe || !is_sendable || self.last.is_some_and(was_sent) {
            return None;
        }
        self.epochs += 1;
        let (timestamp, ahead) = self.timestamp_offset(packet);
        let numbers = PictureNumbers::read(packet.codec, packet.payload);
        let picture = numbers.map(|first| self.picture_ids.offsets_for(&first)).unwrap_or_default();
        self.layers.begin_run();
        let frame_number = self.descriptor(packet).map_or(0, |first| self.frame_numbers.offset_for(&first));
        self.map.start(packet.sequence, self.epochs);
        let offsets = Offsets { timestamp, ahead, picture, frame_number };
        let epoch = Epoch { number: self.epochs, stream: packet.stream, first: packet.sequence, offsets };
        self.current = Some(epoch);
        Some(epoch)
    }

    /// A keyframe comes, perhaps of another encoding than is sent: finds out where its time lies on that of what was
    /// sent last. To be called before [`forward`](Self::forward) for packets in which a keyframe starts.
    pub fn align(&mut self, packet: &MediaPacket<'_>, producer: &Producer) {
        let Some(last) = self.last.filter(|last| self.takes(packet) && last.stream != packet.stream) else { return };
        if last.stream != StreamId::NONE {
            let timestamp = producer.counterpart(packet.stream, packet.timestamp, last.stream);
            self.alignment = timestamp.and_then(|timestamp| self.alignment_at(packet, timestamp));
        }
    }

    /// The first packet of another producer comes, which is to take over from the one that is sent: where its time lies
    /// on that of what was sent last. None where the reports of their senders do not tell.
    pub fn align_between(&self, packet: &MediaPacket<'_>, from: &Producer, to: &Producer) -> Option<Alignment> {
        let taken = to.rtp_clock(packet.stream)?.ntp_at(packet.timestamp);
        self.alignment_at(packet, from.rtp_clock(self.last?.stream)?.rtp_at(taken))
    }

    /// `timestamp` is what the stream that is sent had then, as its producer has it.
    fn alignment_at(&self, packet: &MediaPacket<'_>, timestamp: u32) -> Option<Alignment> {
        let last = self.last?;
        let offsets =
            [self.current, self.previous].into_iter().flatten().find(|epoch| epoch.stream == last.stream)?.offsets;
        let timestamp = timestamp.wrapping_add(offsets.timestamp).wrapping_sub(offsets.ahead);
        Some(Alignment { packet: (packet.stream, packet.sequence), timestamp })
    }

    /// What is added to timestamps in the run that starts with `packet`, and how much of that is only there since time
    /// never stands still. Time goes on as it did for the publisher, or where its reports do not tell, as it passed here.
    fn timestamp_offset(&self, packet: &MediaPacket<'_>) -> (u32, u32) {
        let Some(last) = self.last else { return (self.first_timestamp_offset, 0) };
        if let Some(previous) = self.previous.filter(|previous| previous.stream == packet.stream) {
            return (previous.offsets.timestamp, previous.offsets.ahead);
        }
        let elapsed = packet.arrival.since(last.arrival).as_nanos() * u128::from(self.clock_rate) / 1_000_000_000;
        let by_arrival = last.timestamp.wrapping_add((elapsed as u32).max(1));
        let alignment = self.alignment.filter(|found| found.packet == (packet.stream, packet.sequence));
        let told = alignment.map(|found| found.timestamp);
        let error = |told: u32| (told.wrapping_sub(by_arrival) as i32).unsigned_abs();
        let told = told.filter(|told| error(*told) <= self.clock_rate / MAX_MISALIGNMENT);
        let timestamp = told.unwrap_or(by_arrival);
        // Of the picture that was sent last there may be a larger one: it is shown a moment later.
        let at_least = last.timestamp.wrapping_add(1);
        let ahead = if (timestamp.wrapping_sub(at_least) as i32) < 0 { at_least.wrapping_sub(timestamp) } else { 0 };
        (timestamp.wrapping_add(ahead).wrapping_sub(packet.timestamp), ahead)
    }

    /// Leaves a packet out, with which a picture begins that is left out where `closes`. Where later ones were sent already, an empty one fills its place.
    #[cold]
    pub(super) fn skip(
        &mut self,
        packet: &MediaPacket<'_>,
        closes: bool,
        epoch: Epoch,
        out: &mut [u8],
    ) -> Option<Composed> {
        let Skip::Hole(sequence) = self.map.skip(packet.sequence, closes) else { return None };
        let payload_type = self.payload_types.translate(packet.payload_type)?;
        let empty = Body::plain(payload_type, &[]);
        let composed = self.compose_media(packet, &empty, sequence, packet.marker, epoch.offsets, out)?;
        self.totals.packets += 1;
        Some(composed)
    }
}
