//! Sending again what a receiver has lost.

use std::time::Duration;

use super::compose::Envelope;
use super::payload::Body;
use super::run::Offsets;
use super::stamps::StampPlaces;
use super::{Composed, Consumer};
use crate::media_packet::MediaPacket;
use crate::producer::Producer;
use crate::sequence;
use crate::time::Time;

/// A packet to send again.
#[derive(Clone, Copy, Debug)]
pub struct Resend<'a> {
    packet: MediaPacket<'a>,
    body: Body<'a>,
    sequence: u64,
    offsets: Offsets,
    rtx_payload_type: Option<u8>,
}

impl Resend<'_> {
    /// Whether it goes out as it was, in which case it is to be protected by `SrtpSender::protect_rtp_again`, and
    /// not as a new packet of the RTX stream.
    pub fn is_plain(&self) -> bool {
        self.rtx_payload_type.is_none()
    }

    /// When the bridge got it.
    pub fn arrival(&self) -> Time {
        self.packet.arrival
    }

    /// How much room composing it needs at most.
    pub fn max_len(&self) -> usize {
        self.packet.max_len() + self.body.repeated.written_len()
    }
}

impl Consumer {
    /// The receiver asks for a packet again; [`on_nack`](Self::on_nack) tells what to answer.
    pub fn nack_arrived(&mut self) {
        self.totals.nacks_received += 1;
    }

    /// The receiver lacks the packet with this sequence number. Returns what to send again now, if anything.
    pub fn on_nack<'p>(&mut self, now: Time, sequence_number: u16, producer: &'p Producer) -> Option<Resend<'p>> {
        let Some(resend) = self.find_resend(now, sequence_number, producer) else {
            self.totals.nacks_missed += 1;
            return None;
        };
        let rate = self.meter.rate(now);
        let len = resend.body.written_len();
        self.resends.admit(now, resend.sequence, len, self.remote.round_trip, rate).then_some(resend)
    }

    /// What was sent again a moment ago, to be sent once more: none where the receiver has asked a second time since, or
    /// the budget is spent.
    pub fn copy_of<'p>(&mut self, now: Time, sequence_number: u16, producer: &'p Producer) -> Option<Resend<'p>> {
        let resend = self.find_resend(now, sequence_number, producer)?;
        let rate = self.meter.rate(now);
        self.resends.admit_copy(now, resend.sequence, resend.body.written_len(), rate).then_some(resend)
    }

    /// How long ago the bridge got the packet with this sequence number, where the receiver asks for it for the first time and
    /// no keyframe has followed; zero otherwise.
    pub fn missed_for(&self, now: Time, sequence_number: u16, producer: &Producer) -> Duration {
        let missed = self.find_resend(now, sequence_number, producer).filter(|resend| {
            self.keyframe_begins.is_some_and(|begins| resend.sequence >= begins) && !self.resends.knows(resend.sequence)
        });
        missed.map_or(Duration::ZERO, |resend| now.since(resend.arrival()))
    }

    /// Composes a packet that is sent again, as [`forward`](Self::forward) does: in the RTX stream (RFC 4588), or where
    /// there is none exactly as it was, old stamps included.
    pub fn resend(&mut self, resend: &Resend<'_>, out: &mut [u8]) -> Option<Composed> {
        let old_stamps = match resend.rtx_payload_type {
            Some(_) => None,
            // Another header under the nonce of the first would give a GCM key away.
            None if resend.sequence < self.rewritten_before || !self.marker_log.knows(resend.sequence) => return None,
            None if self.is_stamped() => Some(self.stamp_log.get(resend.sequence)?),
            None => None,
        };
        let (payload_type, ssrc, sequence_number, original) = match (resend.rtx_payload_type, self.rtx_ssrc) {
            (Some(payload_type), Some(ssrc)) => {
                let sequence_number = self.rtx_sequence_number;
                self.rtx_sequence_number = sequence_number.wrapping_add(1);
                (payload_type, ssrc, sequence_number, Some(resend.sequence as u16))
            }
            _ => (resend.body.payload_type, self.ssrc, resend.sequence as u16, None),
        };
        let Resend { sequence, offsets, .. } = *resend;
        let marker = resend.packet.marker || self.marker_log.contains(sequence);
        let envelope = Envelope { payload_type, ssrc, sequence_number, marker, original, offsets, sequence };
        let mut composed = self.compose(&resend.packet, &resend.body, &envelope, out)?;
        if let Some(stamps) = old_stamps {
            composed.stamps.write(stamps, out);
            composed.stamps = StampPlaces::default();
        }
        self.totals.retransmissions += 1;
        Some(composed)
    }

    pub(super) fn find_resend<'p>(
        &self,
        now: Time,
        sequence_number: u16,
        producer: &'p Producer,
    ) -> Option<Resend<'p>> {
        if self.paused {
            return None;
        }
        let sequence = sequence::nearest(self.map.next_out(), sequence_number);
        let origin = self.map.source_of(sequence)?;
        let epoch = [self.current, self.previous].into_iter().flatten().find(|epoch| epoch.number == origin.epoch)?;
        let packet = producer.held_packet(now, epoch.stream, origin.sequence)?;
        let plain = self.payload_types.body(&packet)?;
        let rtx_payload_type = self.rtx_payload_type(plain.payload_type);
        let body = if rtx_payload_type.is_none() && self.redundancy.is_set() {
            let repeats = self.repeats_log.get(sequence)?;
            let body = self.redundancy.body(now, &self.payload_types, &packet, producer, repeats)?;
            // Without RTX it is to be the same packet to the last bit.
            (body.repeated.repeats == repeats).then_some(body)?
        } else {
            plain
        };
        Some(Resend { packet, body, sequence, offsets: epoch.offsets.closed_up(origin.closed), rtx_payload_type })
    }

    /// The payload type of retransmissions of `payload_type`, one of the receiver's, where RTX was negotiated.
    pub(super) fn rtx_payload_type(&self, payload_type: u8) -> Option<u8> {
        self.rtx_ssrc.and_then(|_| self.payload_types.rtx_of(payload_type))
    }
}
