//! What was stamped on packets that may have to be sent again exactly as they were.
//!
//! Without RTX a retransmission has the sequence number of the original, and so the same SRTP nonce: it must be the
//! same packet to the last bit (see `SrtpSender::protect_rtp_again`). So the stamps of the original are kept.

/// Packets whose stamps are kept; a power of two.
const SLOTS: usize = 512;

/// What belongs to the moment of sending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamps {
    /// Time of sending, 24 bits of 6.18 fixed-point seconds.
    pub abs_send_time: u32,
    /// The transport-wide sequence number.
    pub transport_sequence: u16,
}

/// The stamps of recent packets, by outgoing sequence number.
#[derive(Default)]
pub struct StampLog {
    slots: Vec<Option<(u64, Stamps)>>,
}

impl StampLog {
    /// Keeps the stamps of the packet that goes out as `sequence`.
    #[inline]
    pub fn insert(&mut self, sequence: u64, stamps: Stamps) {
        if self.slots.is_empty() {
            self.slots = vec![None; SLOTS];
        }
        self.slots[sequence as usize % SLOTS] = Some((sequence, stamps));
    }

    /// The stamps of the packet that went out as `sequence`.
    pub fn get(&self, sequence: u64) -> Option<Stamps> {
        let (found, stamps) = (*self.slots.get(sequence as usize % SLOTS)?)?;
        (found == sequence).then_some(stamps)
    }

    /// Forgets all: packets sent before cannot be made again.
    pub fn clear(&mut self) {
        self.slots.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_stamps_are_found() {
        let mut log = StampLog::default();
        let stamps = |n: u64| Stamps { abs_send_time: n as u32, transport_sequence: n as u16 };
        assert_eq!(log.get(0), None);
        for n in 0..2_000 {
            log.insert(n, stamps(n));
        }
        assert_eq!(log.get(1_999), Some(stamps(1_999)));
        assert_eq!(log.get(2_000 - SLOTS as u64), Some(stamps(2_000 - SLOTS as u64)));
        assert_eq!(log.get(1_999 - SLOTS as u64), None);
        assert_eq!(log.get(2_000), None);
        log.clear();
        assert_eq!(log.get(1_999), None);
    }
}
