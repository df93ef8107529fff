//! The way of a media packet: opened, routed to its producer, and composed anew for each consumer.

use super::consumers::ConsumerEntry;
use super::receive::Source;
use super::{Engine, ErrorKind, Outcome};
use crate::codec::{Codec, red};
use crate::extension::ExtensionValues;
use crate::media_packet::MediaPacket;
use crate::packet::rtp::{RtpHeader, RtpPacket};
use crate::path::Path;
use crate::producer::{Discard, Received};
use crate::time::Time;
use crate::transport::Sent;

impl Engine {
    pub(super) fn receive_rtp(
        &mut self,
        now: Time,
        arrived: Time,
        key: usize,
        source: Source,
        path: &Path,
        datagram: &mut [u8],
    ) -> Result<Outcome, ErrorKind> {
        let header = RtpHeader::parse(datagram).map_err(|_| ErrorKind::RtpMalformed)?;
        let len = self.transports[key].keys.open_rtp(&header, datagram)?;
        let packet = RtpPacket::with_header(header, &datagram[..len]).map_err(|_| ErrorKind::RtpMalformed)?;
        // From here on the sender is known, whatever is wrong with the packet.
        let outcome = self.heard(now, key, source, path);
        if let Err(kind) = self.route(now, arrived, key, &packet) {
            self.count_error(kind);
        }
        Ok(outcome)
    }

    fn route(&mut self, now: Time, arrived: Time, key: usize, packet: &RtpPacket<'_>) -> Result<(), ErrorKind> {
        let transport = &mut self.transports[key];
        let values = transport.receive_extensions.read(packet);
        if let Some(sequence) = values.transport_sequence {
            transport.feedback.received(arrived, sequence);
            self.timers.no_later_than(key, transport.feedback.poll_timeout());
        } else if let Some(feedback) = &mut transport.source_feedback {
            feedback.received(arrived, packet.header.ssrc, packet.header.sequence_number);
            self.timers.no_later_than(key, feedback.poll_timeout());
        }
        let producer = match transport.routes.get(packet.header.ssrc) {
            Some(producer) => producer,
            None => self.learn(now, key, packet, &values)?,
        };
        let entry = &mut self.producers[producer];
        let received = entry.producer.receive(now, arrived, packet, &values, &mut self.pool);
        self.timers.no_later_than(key, entry.producer.poll_timeout());
        match received {
            Received::Media(media) => {
                let is_told = values.transport_sequence.is_some() || self.transports[key].source_feedback.is_some();
                if !is_told && media.payload_type == packet.header.payload_type {
                    // By when the thread looked: on a machine without time to spare, which holds publishers up as well, that
                    // counts as jitter and makes the estimate patient. By arrivals alone it fell where no line was thin.
                    self.estimate_received(now, key, producer, &packet.header, media.payload.len());
                }
                if values.audio_level.is_some() {
                    self.level_heard(now, key);
                }
                if media.codec == Codec::Red {
                    self.forward_repeated(now, key, producer, &media);
                }
                self.forward_if_admitted(now, key, producer, &media);
                // Afterwards: what a consumer starts with is taken from what is held, and this packet is.
                if self.producers[producer].producer.has_layer_news() {
                    self.layers_changed(now, producer);
                    self.work_for(key);
                }
                Ok(())
            }
            Received::Nothing(Discard::UnknownPayloadType) => Err(ErrorKind::RtpPayloadType),
            Received::Nothing(Discard::UnknownSsrc) => Err(ErrorKind::RtpUnroutable),
            Received::Nothing(_) => Ok(()),
        }
    }

    fn forward_if_admitted(&mut self, now: Time, key: usize, producer: usize, media: &MediaPacket<'_>) {
        let router = self.transports[key].router;
        if self.admit(now, router, producer, media) {
            self.forward(now, key, producer, media);
        }
    }

    /// Gives consumers what was lost on the way to us, and is repeated in this packet (RFC 2198): not all of them take it as it
    /// came, and what is here need not be asked for.
    fn forward_repeated(&mut self, now: Time, key: usize, producer: usize, media: &MediaPacket<'_>) {
        let Ok(blocks) = red::blocks(media.payload) else { return };
        let earlier = blocks.clone().count() - 1;
        // The oldest first; the newest block is the packet itself.
        for (block, distance) in blocks.zip((1..=earlier as u64).rev()) {
            let entry = &mut self.producers[producer];
            if let Some(repeated) = entry.producer.repeated(now, media, &block, distance, &mut self.pool) {
                self.forward_if_admitted(now, key, producer, &repeated);
            }
        }
    }

    /// Finds the producer of an SSRC that was not signalled.
    #[cold]
    fn learn(
        &mut self,
        now: Time,
        key: usize,
        packet: &RtpPacket<'_>,
        values: &ExtensionValues<'_>,
    ) -> Result<usize, ErrorKind> {
        let (ssrc, payload_type) = (packet.header.ssrc, packet.header.payload_type);
        let routes = &self.transports[key].routes;
        let named = routes.named(ssrc, values);
        let producer = routes.candidate(named.mid, payload_type).ok_or(ErrorKind::RtpUnroutable)?;
        let bound = self.producers[producer].producer.bind(now, ssrc, payload_type, &named);
        let replaced = bound.ok_or(ErrorKind::RtpUnroutable)?.replaced;
        self.transports[key].routes.learn(ssrc, producer, values, replaced);
        Ok(producer)
    }

    /// Gives a packet to every consumer of its producer.
    fn forward(&mut self, now: Time, key: usize, producer: usize, media: &MediaPacket<'_>) {
        let may_start = media.keyframe && media.codec.has_keyframes();
        if may_start && !self.producers[producer].awaited_by.is_empty() {
            self.hand_over_at(producer, media);
        }
        for index in 0..self.producers[producer].consumers.len() {
            let receiver = self.producers[producer].consumers[index];
            // Should composing panic, the receiver's transport is to blame and not the sender's.
            self.work_for(self.consumers[receiver].transport);
            let ConsumerEntry { transport, ref mut consumer, .. } = self.consumers[receiver];
            if may_start {
                consumer.align(media, &self.producers[producer].producer);
            }
            let (line, queue) = (&mut self.transports[transport], &mut self.out.transmits);
            let sent = if consumer.repeats() {
                line.send_repeating(now, queue, consumer, &self.producers[producer].producer, media)
            } else {
                line.send_media(now, queue, consumer, media)
            };
            match sent {
                Sent::Left(bytes) => {
                    self.out.sent(Some(bytes));
                    self.timers.no_later_than(transport, consumer.poll_timeout());
                }
                Sent::HasToWait => self.hold(now, receiver, media),
                Sent::Nothing => {}
            }
            if self.consumers[receiver].consumer.poll_spatial_layer() {
                self.want_keyframe_of(now, producer, media.encoding);
            }
            self.tell_consumer_layers(now, receiver);
        }
        self.work_for(key);
    }
}
