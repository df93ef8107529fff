//! Headers read and written.

use proptest::prelude::*;

use super::*;

const FIELDS: Fields =
    Fields { marker: true, payload_type: 96, sequence_number: 0x1234, timestamp: 0x5678_9abc, ssrc: 0xdef0_1234 };

fn header(extensions: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = vec![0xaa; 2_000];
    let len = write_header(&mut out, &FIELDS, extensions.iter().copied()).unwrap();
    out.truncate(len);
    out
}

/// A packet with this extension block.
fn with_block(profile: u16, block: &[u8]) -> Vec<u8> {
    let mut packet = header(&[]);
    packet[0] |= 0x10;
    packet.extend(profile.to_be_bytes());
    packet.extend((block.len() as u16 / 4).to_be_bytes());
    packet.extend(block);
    packet
}

fn elements(packet: &[u8]) -> Vec<(u8, Vec<u8>)> {
    RtpPacket::parse(packet).unwrap().extensions().map(|(id, data)| (id, data.to_vec())).collect()
}

#[test]
fn the_fixed_fields() {
    let packet = [&header(&[])[..], b"payload"].concat();
    let read = RtpPacket::parse(&packet).unwrap();
    assert_eq!(read.header.len(), FIXED_HEADER_LEN);
    assert_eq!((read.header.marker, read.header.payload_type), (true, 96));
    assert_eq!((read.header.sequence_number, read.header.timestamp), (0x1234, 0x5678_9abc));
    assert_eq!(read.header.ssrc, 0xdef0_1234);
    assert_eq!((read.payload(), read.padding_len()), (&b"payload"[..], 0));
    assert_eq!((read.csrcs().len(), read.extensions().count()), (0, 0));
}

#[test]
fn contributing_sources_and_padding() {
    let mut packet = header(&[]);
    packet[0] |= 0x20 | 2;
    packet.extend([0, 0, 0, 1, 0, 0, 0, 2]);
    packet.extend(b"payload\x00\x00\x03");
    let read = RtpPacket::parse(&packet).unwrap();
    assert_eq!(read.csrcs().collect::<Vec<_>>(), [1, 2]);
    assert_eq!((read.payload(), read.padding_len()), (&b"payload"[..], 3));
    assert_eq!(read.data().len(), packet.len());
}

#[test]
fn a_packet_of_nothing_but_padding() {
    let mut packet = header(&[]);
    packet[0] |= 0x20;
    packet.extend([0, 0, 0, 4]);
    assert!(RtpPacket::parse(&packet).unwrap().payload().is_empty());
}

#[test]
fn padding_beyond_the_payload_is_an_error() {
    for count in [0, 4, 255] {
        let mut packet = header(&[]);
        packet[0] |= 0x20;
        packet.extend([1, 2, count]);
        assert_eq!(RtpPacket::parse(&packet).unwrap_err(), RtpError::Padding);
    }
    let mut empty = header(&[]);
    empty[0] |= 0x20;
    assert_eq!(RtpPacket::parse(&empty).unwrap_err(), RtpError::Padding, "a byte of the header counts for nothing");
}

#[test]
fn cut_anywhere_in_the_header_it_is_an_error() {
    let mut packet = with_block(0xbede, &[0x10, 1, 0x20, 2]);
    packet[0] |= 1;
    packet.splice(12..12, [0; 4]);
    for len in 0..packet.len() {
        assert_eq!(RtpPacket::parse(&packet[..len]).unwrap_err(), RtpError::Truncated, "{len}");
    }
    assert!(RtpPacket::parse(&packet).is_ok());
    packet[0] &= 0x3f;
    assert_eq!(RtpHeader::parse(&packet), Err(RtpError::Version));
}

#[test]
fn a_block_longer_than_any_datagram_is_an_error() {
    let mut packet = with_block(0xbede, &[]);
    packet[14..16].fill(0xff);
    packet.resize(70_000, 0);
    assert_eq!(RtpHeader::parse(&packet), Err(RtpError::Truncated));
}

#[test]
fn one_byte_elements_with_padding_in_between() {
    let packet = with_block(0xbede, &[0, 0x10, 7, 0, 0x21, 8, 9, 0]);
    assert_eq!(elements(&packet), [(1, vec![7]), (2, vec![8, 9])]);
    assert_eq!(RtpPacket::parse(&packet).unwrap().extension(2), Some(&[8, 9][..]));
    assert_eq!(RtpPacket::parse(&packet).unwrap().extension(3), None);
}

#[test]
fn two_byte_elements_with_padding_and_application_bits() {
    let packet = with_block(0x1005, &[0, 1, 1, 7, 200, 0, 2, 2, 8, 9, 0, 0]);
    assert_eq!(elements(&packet), [(1, vec![7]), (200, vec![]), (2, vec![8, 9])]);
}

#[test]
fn malformed_ends_keep_what_came_before() {
    assert_eq!(elements(&with_block(0xbede, &[0x10, 7, 0x2f, 1])), [(1, vec![7])], "reaches beyond the block");
    assert_eq!(elements(&with_block(0xbede, &[0x10, 7, 0xf0, 1, 0x20, 8, 0, 0])), [(1, vec![7])], "id 15");
    assert_eq!(elements(&with_block(0xbede, &[0x01, 7, 7, 0x10, 8, 0, 0, 0])), [(1, vec![8])], "id 0 with a length");
    assert_eq!(elements(&with_block(0x1000, &[1, 1, 7, 2])), [(1, vec![7])], "no length");
    assert_eq!(elements(&with_block(0x1000, &[1, 9, 7, 2])), [], "reaches beyond the block");
    assert_eq!(elements(&with_block(0xabcd, &[0x10, 7, 0, 0])), [], "another profile");
}

#[test]
fn the_one_byte_form_is_preferred() {
    let packet = header(&[(1, &[7]), (14, &[8; 16])]);
    assert_eq!(RtpHeader::parse(&packet).unwrap().extension_form(), ExtensionForm::OneByte);
    assert_eq!(packet[12..16], [0xbe, 0xde, 0, 5]);
    assert_eq!(elements(&packet), [(1, vec![7]), (14, vec![8; 16])]);
}

#[test]
fn large_ids_empty_and_long_elements_take_the_two_byte_form() {
    for (id, data) in [(15, &[1][..]), (200, &[1]), (3, &[]), (3, &[1; 17]), (3, &[1; 255])] {
        let packet = header(&[(1, &[7]), (2, &[8, 9, 10]), (id, data), (4, &[11])]);
        assert_eq!(RtpHeader::parse(&packet).unwrap().extension_form(), ExtensionForm::TwoByte);
        assert_eq!(elements(&packet), [(1, vec![7]), (2, vec![8, 9, 10]), (id, data.to_vec()), (4, vec![11])]);
    }
}

#[test]
fn reserved_elements_are_filled_in_later() {
    let mut out = [0xaa; 64];
    let mut writer = HeaderWriter::new(&mut out, &FIELDS).unwrap();
    writer.extension(1, &[7]).unwrap();
    let at = writer.reserve_extension(2, 3).unwrap();
    let len = writer.finish().unwrap();
    out[at..at + 3].copy_from_slice(&[1, 2, 3]);
    assert_eq!(elements(&out[..len]), [(1, vec![7]), (2, vec![1, 2, 3])]);
}

#[test]
fn what_does_not_fit_is_not_written() {
    let extensions: [(u8, &[u8]); 3] = [(1, &[7]), (2, &[8, 9]), (100, &[1])];
    let needed = header(&extensions).len();
    for len in 0..needed {
        assert_eq!(write_header(&mut vec![0; len], &FIELDS, extensions), None, "{len}");
    }
    assert_eq!(write_header(&mut vec![0; needed], &FIELDS, extensions), Some(needed));
    assert_eq!(write_header(&mut [0; 600], &FIELDS, [(1, &[0; 256][..])]), None);
    assert_eq!(write_header(&mut [0; 600], &FIELDS, [(0, &[1][..])]), None);
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        marker in any::<bool>(),
        payload_type in 0_u8..128,
        (sequence_number, timestamp, ssrc) in any::<(u16, u32, u32)>(),
        extensions in prop::collection::vec(
            (prop_oneof![9 => 1_u8..15, 1 => 1_u8..=255],
             prop_oneof![9 => prop::collection::vec(any::<u8>(), 1..17), 1 => prop::collection::vec(any::<u8>(), 0..256)]),
            0..8),
        payload in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let fields = Fields { marker, payload_type, sequence_number, timestamp, ssrc };
        let mut out = vec![0xaa; 3_000];
        let given = extensions.iter().map(|(id, data)| (*id, &data[..]));
        let len = write_header(&mut out, &fields, given.clone()).unwrap();
        out.truncate(len);
        out.extend(&payload);
        let read = RtpPacket::parse(&out).unwrap();
        let RtpHeader { marker, payload_type, sequence_number, timestamp, ssrc, .. } = read.header;
        prop_assert_eq!(Fields { marker, payload_type, sequence_number, timestamp, ssrc }, fields);
        prop_assert!(read.extensions().eq(given));
        prop_assert_eq!(read.payload(), &payload[..]);
    }

    #[test]
    fn noise_is_read_without_panic(noise in prop::collection::vec(any::<u8>(), 0..100)) {
        if let Ok(packet) = RtpPacket::parse(&noise) {
            let total = packet.header.len() + packet.payload().len() + packet.padding_len();
            prop_assert_eq!(total, noise.len());
            prop_assert!(packet.extensions().map(|(_, data)| data.len()).sum::<usize>() <= noise.len());
        }
    }
}
