//! Putting finished packets of a transport into the transmit queue.

use super::Transport;
use super::keys::{RTCP_ROOM, RTP_ROOM};
use crate::consumer::{Composed, Consumer, Resend, StampPlaces, Stamps};
use crate::estimator::SentPacket;
use crate::media_packet::MediaPacket;
use crate::path::Path;
use crate::time::Time;
use crate::transmit::{Flow, TransmitQueue};

/// Where packets leave: the path, and its flow as long as the queue was not cleared.
#[derive(Default)]
pub(super) struct Outlet {
    path: Option<Path>,
    flow: Option<(u64, Flow)>,
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

    /// Composes a media packet for a consumer of this transport in the queue, and protects it there. Returns how many
    /// bytes were sent; none where there is no way to send, or nothing that this receiver is to get.
    #[inline]
    pub fn send_media(
        &mut self,
        now: Time,
        queue: &mut TransmitQueue,
        consumer: &mut Consumer,
        media: &MediaPacket<'_>,
    ) -> Option<usize> {
        if !self.can_send() {
            return None;
        }
        let flow = self.flow(queue)?;
        let max_len = media.max_len();
        let mut sent = None;
        queue.push_with(flow, max_len + RTP_ROOM, |out| {
            let composed = consumer.forward(now, media, &mut out[..max_len])?;
            sent = self.stamp_and_seal(now, consumer, out, &composed);
            sent
        });
        self.count_sent(sent)
    }

    /// Composes and sends a packet once more.
    pub fn send_again(
        &mut self,
        now: Time,
        queue: &mut TransmitQueue,
        consumer: &mut Consumer,
        resend: &Resend<'_>,
    ) -> Option<usize> {
        if !self.can_send() {
            return None;
        }
        let flow = self.flow(queue)?;
        let max_len = resend.max_len();
        let mut sent = None;
        queue.push_with(flow, max_len + RTP_ROOM, |out| {
            let composed = consumer.resend(resend, &mut out[..max_len])?;
            sent = if resend.is_plain() {
                self.keys.seal_rtp_again(out, composed.header_len, composed.len)
            } else {
                self.stamp_and_seal(now, consumer, out, &composed)
            };
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
        consumer: &mut Consumer,
        packet: &mut [u8],
        composed: &Composed,
    ) -> Option<usize> {
        let sequence_number = self.next_transport_sequence;
        if composed.stamps != StampPlaces::default() {
            let stamps = Stamps::new(now, sequence_number);
            composed.stamps.write(stamps, packet);
            consumer.stamped(packet, composed, stamps);
        }
        let sent = self.keys.seal_rtp(packet, composed.header_len, composed.len)?;
        if composed.stamps.is_numbered() {
            self.next_transport_sequence = sequence_number.wrapping_add(1);
            if let Some(estimator) = &mut self.estimator {
                estimator.sent(now, SentPacket { sequence_number, size: sent, probe: None });
            }
        }
        Some(sent)
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
