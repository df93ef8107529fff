//! Packets on a TCP connection: a two-byte length before each (RFC 4571 §2, RFC 6544 §3).

/// Length of the length.
pub const FRAME_HEADER_LEN: usize = 2;

/// What a frame buffer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A whole frame: its packet (which may be empty, and is then to be skipped), and how many bytes of the buffer the
    /// frame took.
    Complete {
        /// The packet without its length.
        packet: &'a [u8],
        /// Bytes to consume from the buffer.
        consumed: usize,
    },
    /// More bytes are needed: at least this many in the buffer altogether.
    Incomplete {
        /// Least length of the buffer before it is worth looking again.
        needed: usize,
    },
}

/// Looks for a frame at the start of `buffer`.
///
/// The length is a u16, so that a reader's buffer is bounded by nature; a reader that takes smaller packets only
/// compares `needed` with its own limit and closes the connection.
#[inline]
pub fn next_frame(buffer: &[u8]) -> Frame<'_> {
    let Some((len, rest)) = buffer.split_first_chunk::<FRAME_HEADER_LEN>() else {
        return Frame::Incomplete { needed: FRAME_HEADER_LEN };
    };
    let len = usize::from(u16::from_be_bytes(*len));
    match rest.get(..len) {
        Some(packet) => Frame::Complete { packet, consumed: FRAME_HEADER_LEN + len },
        None => Frame::Incomplete { needed: FRAME_HEADER_LEN + len },
    }
}

/// The length to write before a packet, or `None` if it is too long to be framed.
#[inline]
pub fn frame_header(packet_len: usize) -> Option<[u8; FRAME_HEADER_LEN]> {
    u16::try_from(packet_len).ok().map(u16::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in() {
        let mut stream = Vec::new();
        for packet in [&b"one"[..], b"", b"three"] {
            stream.extend(frame_header(packet.len()).unwrap());
            stream.extend(packet);
        }
        let mut at = 0;
        let mut packets = Vec::new();
        while let Frame::Complete { packet, consumed } = next_frame(&stream[at..]) {
            packets.push(packet);
            at += consumed;
        }
        assert_eq!(packets, [&b"one"[..], b"", b"three"]);
        assert_eq!(at, stream.len());
    }

    #[test]
    fn a_partial_frame_says_what_it_needs() {
        assert_eq!(next_frame(&[]), Frame::Incomplete { needed: 2 });
        assert_eq!(next_frame(&[0]), Frame::Incomplete { needed: 2 });
        assert_eq!(next_frame(&[1, 0, 7]), Frame::Incomplete { needed: 258 });
    }

    #[test]
    fn too_long_for_a_frame() {
        assert_eq!(frame_header(65_535), Some([0xff, 0xff]));
        assert_eq!(frame_header(65_536), None);
    }
}
