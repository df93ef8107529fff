//! Continuity of the frame numbers that dependency descriptors count with (AV1 RTP, appendix A).
//!
//! References are told as differences, so that one number, added to all of a run, keeps them true. Receivers drop a
//! structure whose frame seems older than the last one: a run that begins with lower numbers has to go on where the one
//! before ended.

use crate::codec::dependency_descriptor::Descriptor;

/// The newest frame number that a receiver has seen.
#[derive(Clone, Debug, Default)]
pub struct FrameNumbers {
    newest: Option<u16>,
}

impl FrameNumbers {
    /// What is to be added in a stream that starts with `first`, so that it goes on where the receiver stands.
    pub fn offset_for(&self, first: &Descriptor) -> u16 {
        self.newest.map_or(0, |newest| newest.wrapping_add(1).wrapping_sub(first.frame_number))
    }

    /// A packet with this descriptor is sent with this offset.
    #[inline]
    pub fn sent(&mut self, descriptor: &Descriptor, offset: u16) {
        let number = descriptor.frame_number.wrapping_add(offset);
        // Packets of an older frame come late; they change nothing.
        if self.newest.is_none_or(|newest| number.wrapping_sub(newest) < 0x8000) {
            self.newest = Some(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(number: u16) -> Descriptor {
        let [high, low] = number.to_be_bytes();
        Descriptor::parse(&[0xc0, high, low]).unwrap()
    }

    #[test]
    fn the_first_stream_keeps_its_numbers() {
        assert_eq!(FrameNumbers::default().offset_for(&frame(700)), 0);
    }

    #[test]
    fn a_second_stream_goes_on_where_the_first_ended() {
        let mut numbers = FrameNumbers::default();
        for number in [65_534, 65_535, 65_533] {
            numbers.sent(&frame(number), 0);
        }
        let offset = numbers.offset_for(&frame(40));
        assert_eq!(frame(40).frame_number.wrapping_add(offset), 0);
        numbers.sent(&frame(43), offset);
        assert_eq!(numbers.offset_for(&frame(0)), 4);
    }
}
