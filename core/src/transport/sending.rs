//! Putting finished packets of a transport into the transmit queue.

use super::Transport;
use super::keys::{RTCP_ROOM, RTP_ROOM};
use crate::consumer::{Composed, Consumer, MAX_PADDING_PACKET, Resend, StampPlaces, Stamps};
use crate::estimator::SentPacket;
use crate::media_packet::MediaPacket;
use crate::pacer::{SLOT_LEN, Waiting};
use crate::packet::rtp::RtpHeader;
use crate::params::MediaKind;
use crate::path::Path;
use crate::producer::Producer;
use crate::repair::BlockPool;
use crate::time::Time;
use crate::transmit::{Flow, TransmitQueue};

/// Where packets leave: the path, and its flow as long as the queue was not cleared.
#[derive(Default)]
pub(super) struct Outlet {
    path: Option<Path>,
    flow: Option<(u64, Flow)>,
}

/// What became of a media packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is in the queue, with so many bytes.
    Left(usize),
    /// There is no way to send, or nothing that this receiver is to get.
    Nothing,
    /// There is no room for it now. Nothing was done with it.
    HasToWait,
}

/// What became of a media packet that is to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It waits for its turn.
    Waits,
    /// It is too large to wait, and is in the queue, with so many bytes.
    Left(usize),
    /// There is nothing that this receiver is to get.
    Nothing,
    /// There is no memory for it. Nothing was done with it.
    NoRoom,
    /// Nothing arrives at the other end. Nothing was done with it.
    LineIsOut,
}

/// What a packet is sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Its receiver is to have it.
    Media,
    /// Only to find out what the line carries.
    Probe,
}

impl Transport {
    /// Takes over the path that the endpoint says. To be called after everything that may change it.
    pub fn update_path(&mut self) {
        let path = self.endpoint.media_path();
        if path != self.outlet.path {
            self.outlet = Outlet { path, flow: None };
        }
    }

    /// Whether media could be sent now.
    #[inline]
    pub fn can_send(&self) -> bool {
        self.outlet.path.is_some() && self.keys.are_known()
    }

    /// Composes a media packet for a consumer of this transport in the queue, and protects it there; unless it is
    /// video, and has to wait.
    #[inline]
    pub fn send_media(
        &mut self,
        now: Time,
        queue: &mut TransmitQueue,
        consumer: &mut Consumer,
        media: &MediaPacket<'_>,
    ) -> Sent {
        if !self.can_send() {
            return Sent::Nothing;
        }
        if consumer.kind() == MediaKind::Video && !self.pacer.is_open(now) {
            return Sent::HasToWait;
        }
        let max_len = media.max_len();
        self.send(now, queue, Purpose::Media, max_len, |out| {
            let composed = consumer.forward(now, media, out)?;
            Some((composed, Some(consumer)))
        })
        .map_or(Sent::Nothing, Sent::Left)
    }

    /// Composes a media packet for a consumer of this transport, whose key comes with it, and has it wait.
    pub fn hold_media(
        &mut self,
        now: Time,
        queue: &mut TransmitQueue,
        pool: &mut BlockPool,
        (key, consumer): (usize, &mut Consumer),
        media: &MediaPacket<'_>,
    ) -> Held {
        if !consumer.takes(media) {
            return Held::Nothing;
        }
        if self.pacer.is_out(now) {
            return Held::LineIsOut;
        }
        let keyframe = media.keyframe && media.codec.has_keyframes();
        if keyframe
            && self.pacer.is_worth_replacing()
            && let Some(withdrawn) = self.pacer.withdraw(key, true, pool)
        {
            consumer.withdraw(&withdrawn);
            // Should it not be sent after all, another is asked for.
            self.pacer.starve(key);
        }
        let max_len = media.max_len();
        if max_len > SLOT_LEN {
            let sent = self.send(now, queue, Purpose::Media, max_len, |out| {
                let composed = consumer.forward(now, media, out)?;
                Some((composed, Some(consumer)))
            });
            return sent.map_or(Held::Nothing, Held::Left);
        }
        let Some(slot) = self.pacer.reserve(pool) else { return Held::NoRoom };
        let progress = consumer.progress();
        let Some(composed) = consumer.forward(now, media, &mut self.pacer.bytes_of_mut(slot)[..max_len]) else {
            self.pacer.give_back(slot, pool);
            return Held::Nothing;
        };
        let timestamp = RtpHeader::parse(self.pacer.bytes_of(slot)).map_or(0, |header| header.timestamp);
        let waiting = Waiting { slot, composed, timestamp, keyframe, since: now };
        self.pacer.hold(key, consumer.priority(), progress, waiting);
        if keyframe {
            self.pacer.fed(key);
        }
        Held::Waits
    }

    /// Sends a packet that has waited.
    pub fn send_waiting(
        &mut self,
        now: Time,
        queue: &mut TransmitQueue,
        consumer: &mut Consumer,
        waiting: &Waiting,
    ) -> Option<usize> {
        let len = waiting.composed.len;
        let flow = self.flow(queue)?;
        let mut sent = None;
        queue.push_with(flow, len + RTP_ROOM, |out| {
            out[..len].copy_from_slice(&self.pacer.bytes_of(waiting.slot)[..len]);
            sent = self.stamp_and_seal(now, Purpose::Media, Some(consumer), out, &waiting.composed);
            sent
        });
        self.count_sent(sent)
    }

    /// Does what [`send_media`](Self::send_media) does for a consumer of audio that repeats earlier frames.
    pub fn send_repeating(
        &mut self,
        now: Time,
        queue: &mut TransmitQueue,
        consumer: &mut Consumer,
        producer: &Producer,
        media: &MediaPacket<'_>,
    ) -> Sent {
        self.send(now, queue, Purpose::Media, Consumer::max_repeating_len(media), |out| {
            let composed = consumer.forward_repeating(now, media, producer, out)?;
            Some((composed, Some(consumer)))
        })
        .map_or(Sent::Nothing, Sent::Left)
    }

    /// Composes and sends a packet once more, because it was asked for or as part of a probe.
    pub fn send_again(
        &mut self,
        now: Time,
        queue: &mut TransmitQueue,
        purpose: Purpose,
        consumer: &mut Consumer,
        resend: &Resend<'_>,
    ) -> Option<usize> {
        if !resend.is_plain() {
            return self.send(now, queue, purpose, resend.max_len(), |out| Some((consumer.resend(resend, out)?, None)));
        }
        let flow = self.flow(queue)?;
        let max_len = resend.max_len();
        let mut sent = None;
        queue.push_with(flow, max_len + RTP_ROOM, |out| {
            let composed = consumer.resend(resend, &mut out[..max_len])?;
            sent = self.keys.seal_rtp_again(out, composed.header_len, composed.len);
            sent
        });
        if let Some(bytes) = sent {
            if let Some(estimator) = &mut self.estimator {
                estimator.sent_again(now, bytes, self.pacer.probe_id());
            }
            match purpose {
                Purpose::Media => self.pacer.spend(now, bytes),
                Purpose::Probe => self.pacer.spend_padding(now, bytes),
            }
        }
        self.count_sent(sent)
    }

    /// Sends a packet of nothing but padding, of about `bytes` bytes.
    pub fn send_padding(
        &mut self,
        now: Time,
        queue: &mut TransmitQueue,
        consumer: &mut Consumer,
        bytes: usize,
    ) -> Option<usize> {
        let padding = bytes.saturating_sub(RTP_ROOM);
        self.send(now, queue, Purpose::Probe, MAX_PADDING_PACKET, |out| Some((consumer.pad(padding, out)?, None)))
    }

    /// Sends what `compose` writes, with new stamps; which the consumer that it names hears of.
    #[inline]
    fn send<'c>(
        &mut self,
        now: Time,
        queue: &mut TransmitQueue,
        purpose: Purpose,
        max_len: usize,
        compose: impl FnOnce(&mut [u8]) -> Option<(Composed, Option<&'c mut Consumer>)>,
    ) -> Option<usize> {
        if !self.can_send() {
            return None;
        }
        let flow = self.flow(queue)?;
        let mut sent = None;
        queue.push_with(flow, max_len + RTP_ROOM, |out| {
            let (composed, consumer) = compose(&mut out[..max_len])?;
            sent = self.stamp_and_seal(now, purpose, consumer, out, &composed);
            sent
        });
        self.count_sent(sent)
    }

    /// Protects an RTCP compound and sends it.
    pub fn send_rtcp(&mut self, queue: &mut TransmitQueue, compound: &[u8]) -> Option<usize> {
        if !self.can_send() {
            return None;
        }
        let flow = self.flow(queue)?;
        let keys = &mut self.keys;
        let mut sent = None;
        queue.push_with(flow, compound.len() + RTCP_ROOM, |out| {
            out[..compound.len()].copy_from_slice(compound);
            sent = keys.seal_rtcp(out, compound.len());
            sent
        });
        self.count_sent(sent)
    }

    /// Sends a datagram as it is on `path`: STUN and DTLS.
    pub fn send_raw(&mut self, queue: &mut TransmitQueue, path: Path, datagram: &[u8]) {
        let flow = match self.flow(queue) {
            Some(flow) if self.outlet.path == Some(path) => flow,
            _ => queue.flow(path),
        };
        queue.push(flow, datagram);
        self.count_sent(Some(datagram.len()));
    }

    /// Does what belongs to the moment of leaving, and returns how many bytes the packet has then.
    #[inline]
    fn stamp_and_seal(
        &mut self,
        now: Time,
        purpose: Purpose,
        consumer: Option<&mut Consumer>,
        packet: &mut [u8],
        composed: &Composed,
    ) -> Option<usize> {
        let sequence_number = self.next_transport_sequence;
        if composed.stamps != StampPlaces::default() {
            let stamps = Stamps::new(now, sequence_number);
            composed.stamps.write(stamps, packet);
            if let Some(consumer) = consumer {
                consumer.stamped(packet, composed, stamps);
            }
        }
        let source = source_of(packet);
        let size = self.keys.seal_rtp(packet, composed.header_len, composed.len)?;
        // Where the peer knows no numbers they are our own affair.
        if composed.stamps.is_numbered() || !self.send_extensions.is_numbered() {
            self.next_transport_sequence = sequence_number.wrapping_add(1);
            if let Some(estimator) = &mut self.estimator {
                let packet = SentPacket { sequence_number, size, probe: self.pacer.probe_id() };
                estimator.sent(now, packet);
                if let Some((ssrc, own)) = source.filter(|_| self.is_told_by_source) {
                    estimator.sent_in_source(ssrc, own);
                }
                if let Some(flight) = &mut self.flight {
                    flight.sent(now, &packet);
                }
            }
        }
        match purpose {
            Purpose::Media => self.pacer.spend(now, size),
            Purpose::Probe => self.pacer.spend_padding(now, size),
        }
        Some(size)
    }

    fn count_sent(&mut self, sent: Option<usize>) -> Option<usize> {
        let bytes = sent?;
        self.traffic.packets_sent += 1;
        self.traffic.bytes_sent += bytes as u64;
        Some(bytes)
    }

    #[inline]
    fn flow(&mut self, queue: &mut TransmitQueue) -> Option<Flow> {
        let path = self.outlet.path?;
        match self.outlet.flow {
            Some((generation, flow)) if generation == queue.generation() => Some(flow),
            _ => {
                let flow = queue.flow(path);
                self.outlet.flow = Some((queue.generation(), flow));
                Some(flow)
            }
        }
    }
}

/// SSRC and sequence number of an RTP packet.
#[inline]
fn source_of(packet: &[u8]) -> Option<(u32, u16)> {
    let &[_, _, s0, s1, _, _, _, _, ssrc0, ssrc1, ssrc2, ssrc3] = packet.first_chunk()?;
    Some((u32::from_be_bytes([ssrc0, ssrc1, ssrc2, ssrc3]), u16::from_be_bytes([s0, s1])))
}
