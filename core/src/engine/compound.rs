//! Building RTCP compounds for one transport, and sending each as it is full.

use super::Counters;
use super::outbox::Outbox;
use crate::packet::rtcp::RtcpWriter;
use crate::transport::Transport;

/// Longest compound, in bytes, without what SRTCP adds: fits every path in one piece.
const MAX_LEN: usize = 1_160;

/// The compound that is being built for a transport.
pub(super) struct Compound<'a> {
    transport: &'a mut Transport,
    out: &'a mut Outbox,
    buffer: [u8; MAX_LEN],
    len: usize,
}

impl<'a> Compound<'a> {
    /// An empty compound.
    pub(super) fn new(transport: &'a mut Transport, out: &'a mut Outbox) -> Self {
        Compound { transport, out, buffer: [0; MAX_LEN], len: 0 }
    }

    /// Appends what `write` writes. A compound begins with a report (RFC 3550, section 6.1): where `write` writes
    /// something else, an empty one is put before it. What does not fit begins the next compound.
    pub(super) fn append(&mut self, is_report: bool, mut write: impl FnMut(&mut RtcpWriter<'_>) -> Option<()>) {
        for _ in 0..2 {
            let mut writer = RtcpWriter::new(&mut self.buffer[self.len..]);
            let begun = self.len > 0 || is_report || writer.receiver_report(self.transport.ssrc, &[]).is_some();
            if begun && write(&mut writer).is_some() {
                self.len += writer.len();
                return;
            }
            self.flush();
        }
    }

    /// What the worker counts.
    pub(super) fn counters(&mut self) -> &mut Counters {
        &mut self.out.counters
    }

    /// Sends what there is.
    pub(super) fn flush(&mut self) {
        if self.len > 0 {
            let sent = self.transport.send_rtcp(&mut self.out.transmits, &self.buffer[..self.len]);
            self.out.sent(sent);
            self.len = 0;
        }
    }
}
