//! Runs of a producer as one receiver gets them, so that its numbers go on without a seam.

use super::payload::Body;
use super::picture_ids::PictureOffsets;
use super::sequence_map::Skip;
use super::{Composed, Consumer};
use crate::codec::{Codec, vp8};
use crate::media_packet::{MediaPacket, StreamId};
use crate::time::Time;

/// What is added to the numbers of one run of the producer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offsets {
    pub timestamp: u32,
    pub picture: PictureOffsets,
    pub frame_number: u16,
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
        let timestamp = self.timestamp_offset(packet);
        let picture = match packet.codec {
            Codec::Vp8 => vp8::Descriptor::parse(packet.payload)
                .map(|descriptor| self.picture_ids.offsets_for(&descriptor))
                .unwrap_or_default(),
            _ => PictureOffsets::default(),
        };
        self.picture_ids.begin_run();
        let frame_number = self.descriptor(packet).map_or(0, |first| self.frame_numbers.offset_for(&first));
        self.map.start(packet.sequence, self.epochs);
        let offsets = Offsets { timestamp, picture, frame_number };
        let epoch = Epoch { number: self.epochs, stream: packet.stream, first: packet.sequence, offsets };
        self.current = Some(epoch);
        Some(epoch)
    }

    /// What is added to timestamps in the run that starts with `packet`: time goes on as it passed here.
    fn timestamp_offset(&self, packet: &MediaPacket<'_>) -> u32 {
        let Some(last) = self.last else { return self.first_timestamp_offset };
        if let Some(previous) = self.previous.filter(|previous| previous.stream == packet.stream) {
            return previous.offsets.timestamp;
        }
        let elapsed = packet.arrival.since(last.arrival).as_nanos() * u128::from(self.clock_rate) / 1_000_000_000;
        last.timestamp.wrapping_add((elapsed as u32).max(1)).wrapping_sub(packet.timestamp)
    }

    /// Leaves a packet out. Where later ones were sent already, an empty one fills its place.
    #[cold]
    pub(super) fn skip(&mut self, packet: &MediaPacket<'_>, epoch: Epoch, out: &mut [u8]) -> Option<Composed> {
        let Skip::Hole(sequence) = self.map.skip(packet.sequence) else { return None };
        let payload_type = self.payload_types.translate(packet.payload_type)?;
        let empty = Body::plain(payload_type, &[]);
        let composed = self.compose_media(packet, &empty, sequence, epoch.offsets, out)?;
        self.totals.packets += 1;
        Some(composed)
    }
}
