//! Sequence numbers that do not wrap.

/// Where extended sequence numbers start: one full turn above zero, so that packets from before the first one seen
/// have numbers too.
const FIRST_TURN: u64 = 1 << 16;

/// The extended form of the first sequence number of a stream.
pub fn first(sequence_number: u16) -> u64 {
    FIRST_TURN + u64::from(sequence_number)
}

/// The extended sequence number with the lower half `sequence_number` that is nearest to `reference`.
///
/// `reference` must have come from [`first`] or this function; below 2^15 from the very start it saturates at zero.
#[inline]
pub fn nearest(reference: u64, sequence_number: u16) -> u64 {
    let distance = sequence_number.wrapping_sub(reference as u16) as i16;
    reference.saturating_add_signed(i64::from(distance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wraps_forwards_and_backwards() {
        assert_eq!(nearest(first(65_535), 0), first(65_535) + 1);
        assert_eq!(nearest(first(0), 65_535), first(0) - 1);
        assert_eq!(nearest(first(10), 10), first(10));
    }

    proptest! {
        #[test]
        fn every_number_within_half_a_turn_is_found_again(reference in 1_u64 << 16..1 << 40, distance in -32_768_i64..32_768) {
            let target = reference.saturating_add_signed(distance);
            prop_assert_eq!(nearest(reference, target as u16), target);
        }
    }
}
