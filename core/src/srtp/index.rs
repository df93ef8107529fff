//! Packet indices: the 48 bits of roll-over counter and sequence number (RFC 3711 §3.3.1).

/// The highest index: after 2^48 packets a key is worn out.
const MAX_INDEX: u64 = (1 << 48) - 1;

/// The index that a packet with `sequence_number` most likely has, after `highest`: the nearest one. `None` before the
/// first and after the last index there is.
#[inline]
pub(super) fn estimate(highest: u64, sequence_number: u16) -> Option<u64> {
    let step = sequence_number.wrapping_sub(highest as u16) as i16;
    highest.checked_add_signed(i64::from(step)).filter(|index| *index <= MAX_INDEX)
}

/// The roll-over counter of an index.
#[inline]
pub(super) fn roll_over_counter(index: u64) -> u32 {
    (index >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_index_is_taken() {
        assert_eq!(estimate(0x1_0005, 6), Some(0x1_0006));
        assert_eq!(estimate(0x1_0005, 0xfffe), Some(0xfffe));
        assert_eq!(estimate(0x1_fffe, 3), Some(0x2_0003));
        assert_eq!(estimate(0x1_8000, 0x0001), Some(0x1_0001));
    }

    #[test]
    fn there_is_nothing_before_the_first_and_after_the_last() {
        assert_eq!(estimate(5, 0xfff0), None);
        assert_eq!(estimate(MAX_INDEX, 0), None);
    }
}
