//! What belongs to the moment of sending: written when a packet leaves, which may be later than when it was composed.
//!
//! Without RTX a retransmission has the sequence number of the original, and so the same SRTP nonce: it must be the
//! same packet to the last bit (see `SrtpSender::protect_rtp_again`). So the stamps of the original are kept.

use crate::time::Time;

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

impl Stamps {
    /// The stamps of a packet that leaves now with this transport-wide sequence number.
    #[inline]
    pub fn new(now: Time, transport_sequence: u16) -> Self {
        Stamps { abs_send_time: abs_send_time(now), transport_sequence }
    }
}

/// Where the stamps of a composed packet go: offsets into it, 0 for one that it does not carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StampPlaces {
    /// Of the time of sending.
    pub abs_send_time: u16,
    /// Of the transport-wide sequence number.
    pub transport_sequence: u16,
}

impl StampPlaces {
    /// Whether the packet takes a transport-wide sequence number.
    #[inline]
    pub fn is_numbered(self) -> bool {
        self.transport_sequence != 0
    }

    /// Writes `stamps` into `packet`.
    #[inline]
    pub fn write(self, stamps: Stamps, packet: &mut [u8]) {
        let at = usize::from(self.abs_send_time);
        if at != 0
            && let Some(place) = packet.get_mut(at..at + 3)
        {
            place.copy_from_slice(&stamps.abs_send_time.to_be_bytes()[1..]);
        }
        let at = usize::from(self.transport_sequence);
        if at != 0
            && let Some(place) = packet.get_mut(at..at + 2)
        {
            place.copy_from_slice(&stamps.transport_sequence.to_be_bytes());
        }
    }
}

/// 24 bits of 6.18 fixed-point seconds, on any clock.
#[inline]
fn abs_send_time(now: Time) -> u32 {
    // 2^18 / 10^9 = 2^9 / 1953125: the product stays within 64 bits for a year.
    (((now.as_nanos() << 9) / 1_953_125) & 0x00ff_ffff) as u32
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
    fn abs_send_time_wraps_after_64_seconds() {
        assert_eq!(abs_send_time(Time::from_millis(500)), 1 << 17);
        assert_eq!(abs_send_time(Time::from_millis(63_750)), 0xff_0000);
        assert_eq!(abs_send_time(Time::from_millis(64_500)), 1 << 17);
    }

    #[test]
    fn stamps_are_written_where_they_belong_and_nowhere_else() {
        let mut packet = [0; 8];
        let stamps = Stamps { abs_send_time: 0x01_0203, transport_sequence: 0x0405 };
        StampPlaces { abs_send_time: 1, transport_sequence: 5 }.write(stamps, &mut packet);
        assert_eq!(packet, [0, 1, 2, 3, 0, 4, 5, 0]);
        let mut packet = [0; 8];
        StampPlaces::default().write(stamps, &mut packet);
        assert_eq!(packet, [0; 8]);
    }

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
