//! Putting finished packets of a transport into the transmit queue.

use super::Transport;
use super::keys::{RTCP_ROOM, RTP_ROOM};
use crate::path::Path;
use crate::transmit::{Flow, TransmitQueue};

/// Longest plain RTP packet or RTCP compound that is sent, in bytes: what every path of interest carries in one piece.
pub const MAX_PACKET_LEN: usize = 1_440;

/// Where packets leave: the path, and its flow as long as the queue was not cleared.
#[derive(Default)]
pub(super) struct Outlet {
    path: Option<Path>,
    flow: Option<(u64, Flow)>,
}

/// An RTP packet that was written into a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where its payload starts.
    pub header_len: usize,
    /// Where it ends.
    pub len: usize,
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

    /// Composes an RTP packet in the queue and protects it there. `compose` writes a packet of at most `max_len` bytes.
    /// Returns how many bytes were sent.
    #[inline]
    pub fn send_rtp(
        &mut self,
        queue: &mut TransmitQueue,
        max_len: usize,
        compose: impl FnOnce(&mut [u8]) -> Option<Written>,
    ) -> Option<usize> {
        let flow = self.flow(queue)?;
        let keys = &mut self.keys;
        let mut sent = 0;
        queue.push_with(flow, max_len + RTP_ROOM, |out| {
            let written = compose(&mut out[..max_len])?;
            sent = keys.seal_rtp(out, written.header_len, written.len)?;
            Some(sent)
        });
        self.count_sent(sent)
    }

    /// Sends a packet once more that was sent before and did not change.
    pub fn send_rtp_again(
        &mut self,
        queue: &mut TransmitQueue,
        max_len: usize,
        compose: impl FnOnce(&mut [u8]) -> Option<Written>,
    ) -> Option<usize> {
        let flow = self.flow(queue)?;
        let keys = &mut self.keys;
        let mut sent = 0;
        queue.push_with(flow, max_len + RTP_ROOM, |out| {
            let written = compose(&mut out[..max_len])?;
            sent = keys.seal_rtp_again(out, written.header_len, written.len)?;
            Some(sent)
        });
        self.count_sent(sent)
    }

    /// Protects an RTCP compound and sends it.
    pub fn send_rtcp(&mut self, queue: &mut TransmitQueue, compound: &[u8]) -> Option<usize> {
        let flow = self.flow(queue)?;
        let keys = &mut self.keys;
        let mut sent = 0;
        queue.push_with(flow, compound.len() + RTCP_ROOM, |out| {
            out[..compound.len()].copy_from_slice(compound);
            sent = keys.seal_rtcp(out, compound.len())?;
            Some(sent)
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
        self.count_sent(datagram.len());
    }

    fn count_sent(&mut self, sent: usize) -> Option<usize> {
        if sent == 0 {
            return None;
        }
        self.traffic.packets_sent += 1;
        self.traffic.bytes_sent += sent as u64;
        Some(sent)
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
