//! What is written can be read; what is broken is an error.

use proptest::prelude::*;

use super::*;
use crate::time::Time;

const REPORT: ReportBlock = ReportBlock {
    ssrc: 7,
    fraction_lost: 255,
    cumulative_lost: -3,
    highest_sequence_number: 0x0001_fffe,
    jitter: 99,
    last_sender_report: 0x1234_5678,
    delay_since_last_sender_report: 65_536,
};

fn written(write: impl FnOnce(&mut RtcpWriter<'_>)) -> Vec<u8> {
    let mut out = vec![0xaa; 1500];
    let mut writer = RtcpWriter::new(&mut out);
    write(&mut writer);
    let len = writer.len();
    out.truncate(len);
    out
}

fn only(compound: &[u8]) -> Packet<'_> {
    let mut all = packets(compound);
    let packet = all.next().unwrap().unwrap();
    assert!(all.next().is_none());
    packet
}

#[test]
fn a_compound_is_read_in_order() {
    let info = SenderInfo { ntp: 0x0123_4567_89ab_cdef, rtp_timestamp: 1, packet_count: 2, octet_count: 3 };
    let compound = written(|writer| {
        writer.sender_report(1, &info, &[REPORT, ReportBlock { ssrc: 8, ..REPORT }]).unwrap();
        writer.cname(1, "someone").unwrap();
        writer.pli(1, 7).unwrap();
        writer.goodbye(&[1, 2]).unwrap();
    });
    let all: Vec<Packet<'_>> = packets(&compound).map(Result::unwrap).collect();
    let [Packet::SenderReport(report), Packet::SourceDescription(sdes), Packet::Pli(pli), Packet::Goodbye(bye)] =
        &all[..]
    else {
        panic!("{all:?}")
    };
    assert_eq!((report.ssrc, report.info), (1, info));
    assert_eq!(report.reports().collect::<Vec<_>>(), [REPORT, ReportBlock { ssrc: 8, ..REPORT }]);
    assert_eq!(sdes.items().collect::<Vec<_>>(), [SdesItem { ssrc: 1, item_type: sdes::CNAME, value: b"someone" }]);
    assert_eq!(*pli, Pli { sender_ssrc: 1, media_ssrc: 7 });
    assert_eq!(bye.ssrcs().collect::<Vec<_>>(), [1, 2]);
}

/// Written out by hand from RFC 8888, figure 2: two sources, one with an odd number of packets.
#[test]
fn congestion_feedback_tells_of_each_source_what_arrived() {
    let at = Time::from_millis;
    let (first, second) = ([Some(at(1_000)), None, Some(at(9_000))], [Some(at(9_500))]);
    let streams: [(u32, u16, &[Option<Time>]); 2] = [(7, 65_535, &first), (8, 3, &second)];
    let mut told = vec![];
    let compound = written(|writer| {
        let stream = |n: usize| streams.get(n).copied();
        writer.congestion_feedback(1, (at(10_000), 0xa0000), stream, |n, count| told.push((n, count))).unwrap();
    });
    assert_eq!(told, [(0, 3), (1, 1)]);
    let expected: [u8; 40] = [
        0x8b, 205, 0, 9, 0, 0, 0, 1, // the head
        0, 0, 0, 7, 0xff, 0xff, 0, 3, 0x9f, 0xfe, 0, 0, 0x84, 0, 0,
        0, // 9 s are more than can be said; 1 s is 1,024
        0, 0, 0, 8, 0, 3, 0, 1, 0x82, 0, 0, 0, // half a second
        0, 10, 0, 0, // ten seconds
    ];
    assert_eq!(compound, expected);
    let Packet::CongestionFeedback(feedback) = only(&compound) else { panic!() };
    assert_eq!((feedback.sender_ssrc, feedback.timestamp), (1, 0xa0000));
    let read: Vec<_> = feedback.streams().map(|stream| (stream.ssrc, stream.packets().collect::<Vec<_>>())).collect();
    let arrived = |nanos| PacketReport::Arrived(Some(nanos));
    let of_first = vec![(65_535, PacketReport::Arrived(None)), (0, PacketReport::Missing), (1, arrived(1_000_000_000))];
    assert_eq!(read, [(7, of_first), (8, vec![(3, arrived(500_000_000))])]);
}

#[test]
fn congestion_feedback_is_refused_where_its_counts_are_wrong_and_cut_off_where_there_is_no_room() {
    let broken: [&[u8]; 3] = [
        &[0x8b, 205, 0, 1, 0, 0, 0, 1],
        &[0x8b, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0],
        &[0x8b, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0x40, 1, 0, 0, 0, 0],
    ];
    for compound in broken {
        assert!(matches!(packets(compound).next(), Some(Err(RtcpError::Content))), "{compound:?}");
    }
    let arrivals = vec![Some(Time::ZERO); 1_000];
    let mut out = [0; 403];
    let mut writer = RtcpWriter::new(&mut out);
    let mut told = 0;
    let stream = |n: usize| (n == 0).then_some((7, 0, &arrivals[..]));
    writer.congestion_feedback(1, (Time::ZERO, 0), stream, |_, count| told += count).unwrap();
    assert_eq!((told, writer.len()), (190, 400));
    assert!(writer.congestion_feedback(1, (Time::ZERO, 0), stream, |_, _| panic!("there is no room")).is_none());
}

#[test]
fn a_receiver_report_without_blocks_is_eight_bytes() {
    let compound = written(|writer| writer.receiver_report(1, &[]).unwrap());
    assert_eq!(compound, [0x80, 201, 0, 1, 0, 0, 0, 1]);
    let Packet::ReceiverReport(report) = only(&compound) else { panic!() };
    assert_eq!((report.ssrc, report.reports().len()), (1, 0));
}

#[test]
fn lost_packets_are_kept_within_24_bits() {
    for (lost, read) in [(-9_000_000, -(1 << 23)), (9_000_000, (1 << 23) - 1), (5, 5)] {
        let report = ReportBlock { cumulative_lost: lost, ..REPORT };
        let compound = written(|writer| writer.receiver_report(1, &[report]).unwrap());
        let Packet::ReceiverReport(receiver_report) = only(&compound) else { panic!() };
        assert_eq!(receiver_report.reports().next().unwrap().cumulative_lost, read);
    }
}

#[test]
fn a_cname_of_any_length_ends_with_a_zero_at_a_word() {
    for len in 0..=9 {
        let name = "n".repeat(len);
        let compound = written(|writer| writer.cname(5, &name).unwrap());
        assert_eq!(compound.last(), Some(&0));
        let Packet::SourceDescription(description) = only(&compound) else { panic!() };
        let item = description.items().next().unwrap();
        assert_eq!(item.value, name.as_bytes());
    }
}

#[test]
fn descriptions_of_several_sources_with_several_items() {
    let compound = [
        0x82, 202, 0, 5, // two chunks
        0, 0, 0, 1, 1, 1, b'a', 15, 1, b'0', 0, 0, // CNAME and MID, two zeros
        0, 0, 0, 2, 1, 1, b'b', 0,
    ];
    let Packet::SourceDescription(description) = only(&compound) else { panic!() };
    let items: Vec<(u32, u8)> = description.items().map(|item| (item.ssrc, item.item_type)).collect();
    assert_eq!(items, [(1, sdes::CNAME), (1, sdes::MID), (2, sdes::CNAME)]);
}

#[test]
fn nacks_of_neighbours_share_an_entry() {
    let lost = [65_530, 65_535, 0, 10, 11, 100];
    let compound = written(|writer| assert_eq!(writer.nack(1, 2, lost), Some(6)));
    assert_eq!(compound.len(), 12 + 3 * 4);
    let Packet::Nack(nack) = only(&compound) else { panic!() };
    assert_eq!((nack.sender_ssrc, nack.media_ssrc), (1, 2));
    assert_eq!(nack.sequence_numbers().collect::<Vec<_>>(), lost);
}

#[test]
fn a_nack_asks_for_what_fits() {
    let mut out = [0; 12 + 2 * 4 + 3];
    let mut writer = RtcpWriter::new(&mut out);
    assert_eq!(writer.nack(1, 2, [0, 100, 101, 200, 300]), Some(3));
    assert_eq!(writer.nack(1, 2, [0]), None);
    assert_eq!(writer.len(), 20);
    let Packet::Nack(nack) = only(&out[..20]) else { panic!() };
    assert_eq!(nack.sequence_numbers().collect::<Vec<_>>(), [0, 100, 101]);
}

#[test]
fn nothing_to_ask_for_is_no_nack() {
    assert!(written(|writer| assert_eq!(writer.nack(1, 2, []), None)).is_empty());
}

#[test]
fn keyframe_requests() {
    let entries = [FirEntry { ssrc: 3, sequence_number: 200 }, FirEntry { ssrc: 4, sequence_number: 1 }];
    let compound = written(|writer| writer.fir(1, &entries).unwrap());
    let Packet::Fir(fir) = only(&compound) else { panic!() };
    assert_eq!(fir.sender_ssrc, 1);
    assert_eq!(fir.entries().collect::<Vec<_>>(), entries);
}

#[test]
fn bitrates_keep_18_bits() {
    for (bitrate, read) in [(0, 0), (262_143, 262_143), (262_145, 262_144), (u64::MAX, 0x3ffff << 46)] {
        let compound = written(|writer| writer.remb(1, bitrate, &[5, 6]).unwrap());
        let Packet::Remb(remb) = only(&compound) else { panic!() };
        assert_eq!((remb.sender_ssrc, remb.bitrate), (1, read));
        assert_eq!(remb.ssrcs().collect::<Vec<_>>(), [5, 6]);
    }
}

#[test]
fn extended_reports() {
    let entry = DelaySinceLastRr { ssrc: 9, last_receiver_reference: 10, delay: 11 };
    let compound = written(|writer| {
        writer.receiver_reference_time(1, 0x0102_0304_0506_0708).unwrap();
        writer.delay_since_last_rr(2, &[entry, entry]).unwrap();
    });
    let blocks: Vec<(u32, ExtendedReportBlock)> = packets(&compound)
        .flat_map(|packet| {
            let Ok(Packet::ExtendedReports(reports)) = packet else { panic!() };
            reports.blocks().map(move |block| (reports.ssrc, block)).collect::<Vec<_>>()
        })
        .collect();
    let answer = (2, ExtendedReportBlock::DelaySinceLastRr(entry));
    assert_eq!(blocks, [(1, ExtendedReportBlock::ReceiverReferenceTime(0x0102_0304_0506_0708)), answer, answer]);
}

#[test]
fn what_does_not_fit_leaves_the_compound_as_it_was() {
    let mut out = [0; 11];
    let mut writer = RtcpWriter::new(&mut out);
    writer.receiver_report(1, &[]).unwrap();
    assert!(writer.pli(1, 2).is_none());
    assert!(writer.cname(1, "x").is_none());
    assert!(writer.transport_feedback(1, 2, 0, 0, &[Some(Time::ZERO)]).is_none());
    assert_eq!(writer.len(), 8);
    assert!(writer.receiver_report(1, &[REPORT; 32]).is_none());
}

#[test]
fn malformed_content_is_skipped_and_a_malformed_header_ends_the_walk() {
    let mut compound = vec![0x81, 201, 0, 1, 0, 0, 0, 1]; // announces a block that is not there
    compound.extend(written(|writer| writer.pli(1, 2).unwrap()));
    compound.extend([0x40, 201, 0, 0, 0, 0, 0, 0]);
    let read: Vec<_> = packets(&compound).collect();
    assert!(matches!(read[..], [Err(RtcpError::Content), Ok(Packet::Pli(_)), Err(RtcpError::Header)]));
}

#[test]
fn padding_is_taken_off() {
    let padded = [0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4];
    assert!(matches!(only(&padded), Packet::ReceiverReport(_)));
    for count in [0, 9] {
        let mut broken = padded;
        broken[11] = count;
        assert_eq!(packets(&broken).next().unwrap().unwrap_err(), RtcpError::Padding);
    }
}

#[test]
fn types_without_a_meaning_here() {
    let application = [0x8f, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, b'X', b'X', b'X', b'X'];
    assert!(matches!(only(&application), Packet::Unknown { packet_type: 206, count: 15 }));
    assert!(matches!(only(&[0x80, 204, 0, 0]), Packet::Unknown { packet_type: 204, count: 0 }));
}

#[test]
fn transport_feedback_from_another_implementation() {
    // A packet as libwebrtc sends it, with one byte of padding.
    let compound = [
        0xaf, 0xcd, 0x00, 0x05, 0xfa, 0x17, 0xfa, 0x17, 0x43, 0x03, 0x2f, 0xa0, 0x00, 0x99, 0x00, 0x01, 0x3d, 0xe8,
        0x02, 0x17, 0x20, 0x01, 0x94, 0x01,
    ];
    let Packet::TransportFeedback(feedback) = only(&compound) else { panic!() };
    assert_eq!((feedback.sender_ssrc, feedback.media_ssrc), (0xfa17_fa17, 0x4303_2fa0));
    assert_eq!((feedback.base_sequence_number, feedback.status_count, feedback.feedback_count), (153, 1, 23));
    let nanos = 4_057_090 * 64_000_000 + 37_000_000;
    assert_eq!(feedback.arrivals().collect::<Vec<_>>(), [Arrival { sequence_number: 153, nanos: Some(nanos) }]);
}

/// Of an admitted peer that lies: one datagram full of these held a worker up for a tenth of a second and more.
#[test]
fn transport_feedback_without_deltas_tells_of_no_more_than_its_length() {
    let feedback = |chunks: &[u16]| {
        let mut compound = vec![0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0xff, 0xff, 0, 0, 1, 0];
        compound.extend(chunks.iter().flat_map(|chunk| chunk.to_be_bytes()));
        compound.resize(compound.len().next_multiple_of(4), 0);
        compound[3] = (compound.len() / 4 - 1) as u8;
        compound
    };
    let run = |status: u16| [[status << 13 | 0x1fff; 8].as_slice(), &[status << 13 | 7]].concat();
    let (reserved, lost) = (feedback(&run(3)), feedback(&run(0)));
    assert!(packets(&reserved).next().unwrap().is_err());
    let Packet::TransportFeedback(lost) = only(&lost) else { panic!() };
    assert_eq!((lost.status_count, lost.arrivals().count()), (65_535, 0));
}

#[test]
fn transport_feedback_ends_before_a_gap_of_eight_seconds() {
    let arrivals = [Some(Time::from_millis(1_000)), None, Some(Time::from_millis(10_000))];
    let compound = written(|writer| {
        assert_eq!(writer.transport_feedback(1, 2, 0, 65_535, &arrivals), Some(2));
        assert_eq!(writer.transport_feedback(1, 2, 1, 1, &arrivals[2..]), Some(1));
    });
    assert_eq!(packets(&compound).filter(Result::is_ok).count(), 2);
}

#[test]
fn nothing_arrived_is_no_transport_feedback() {
    assert!(written(|writer| assert_eq!(writer.transport_feedback(1, 2, 0, 0, &[None; 9]), None)).is_empty());
}

#[test]
fn transport_feedback_with_missing_chunks_or_deltas() {
    let whole = written(|writer| {
        writer.transport_feedback(1, 2, 0, 0, &[Some(Time::from_millis(64)); 20]).unwrap();
    });
    for words in 1..whole.len() / 4 - 1 {
        let mut cut = whole[..whole.len() - 4 * words].to_vec();
        cut[0] &= !0x20;
        let len = (cut.len() / 4 - 1) as u16;
        cut[2..4].copy_from_slice(&len.to_be_bytes());
        assert_eq!(packets(&cut).next().unwrap().unwrap_err(), RtcpError::Content, "{words}");
    }
}

/// After so many ticks of 250 µs the reference time starts again.
const REFERENCE_CYCLE: i64 = (1 << 24) * 256;

/// Arrivals in bursts and gaps, in and out of order.
fn arrivals() -> impl Strategy<Value = Vec<Option<Time>>> {
    let packet = prop_oneof![
        3 => Just(None),
        6 => (0_u64..60_000).prop_map(Some),
        1 => (0_u64..6_000_000).prop_map(Some),
    ];
    let run = (packet, 1_usize..40);
    (prop::collection::vec(run, 1..30), 0_u64..1 << 40).prop_map(|(runs, start)| {
        let packets = runs.into_iter().flat_map(|(packet, len)| std::iter::repeat_n(packet, len));
        packets.map(|micros| micros.map(|micros| Time::from_nanos((start + micros) * 1_000))).collect()
    })
}

proptest! {
    #[test]
    fn transport_feedback_tells_when_each_packet_arrived(
        arrivals in arrivals(),
        base in any::<u16>(),
        room in 28_usize..1_200,
    ) {
        let mut out = vec![0xaa; room];
        let mut told = 0;
        while told < arrivals.len() {
            let base = base.wrapping_add(told as u16);
            let mut writer = RtcpWriter::new(&mut out);
            let Some(more) = writer.transport_feedback(1, 2, 9, base, &arrivals[told..]) else {
                // Only packets that did not arrive are left, or more of them than a small buffer can tell of.
                prop_assert!(arrivals[told..].iter().all(Option::is_none) || room < 100);
                break;
            };
            let len = writer.len();
            let Packet::TransportFeedback(feedback) = only(&out[..len]) else { panic!() };
            prop_assert_eq!(usize::from(feedback.status_count), more);
            // The reference time is that of the first arrival, without the times it has wrapped around.
            let ticks = |time: Time| (time.as_nanos() / 250_000) as i64;
            let first = arrivals[told..].iter().flatten().next().unwrap();
            let wrapped = ticks(*first) / REFERENCE_CYCLE * REFERENCE_CYCLE;
            let expected: Vec<Arrival> = (0..)
                .zip(&arrivals[told..told + more])
                .filter_map(|(at, time)| {
                    let nanos = (ticks((*time)?) - wrapped) * 250_000;
                    Some(Arrival { sequence_number: base.wrapping_add(at), nanos: Some(nanos) })
                })
                .collect();
            prop_assert_eq!(feedback.arrivals().collect::<Vec<_>>(), expected);
            told += more;
        }
    }

    #[test]
    fn nacks_ask_for_what_was_given(lost in prop::collection::btree_set(any::<u16>(), 1..100)) {
        let compound = written(|writer| {
            assert_eq!(writer.nack(1, 2, lost.iter().copied()), Some(lost.len()));
        });
        let Packet::Nack(nack) = only(&compound) else { panic!() };
        prop_assert!(nack.sequence_numbers().eq(lost.iter().copied()));
    }

    #[test]
    fn noise_is_read_without_panic(noise in prop::collection::vec(any::<u8>(), 0..200), packet_type in 200_u8..208) {
        let mut compound = noise;
        if compound.len() >= 4 {
            compound[0] = 0x80 | (compound[0] & 0x1f);
            compound[1] = packet_type;
            let words = (compound.len() / 4 - 1) as u16;
            compound[2..4].copy_from_slice(&words.to_be_bytes());
        }
        for packet in packets(&compound).flatten() {
            let _ = format!("{packet:?}");
            read_everything(&packet);
        }
    }
}

fn read_everything(packet: &Packet<'_>) {
    match packet {
        Packet::SenderReport(report) => drop(report.reports().count()),
        Packet::ReceiverReport(report) => drop(report.reports().count()),
        Packet::SourceDescription(description) => drop(description.items().count()),
        Packet::Goodbye(goodbye) => drop(goodbye.ssrcs().count()),
        Packet::Nack(nack) => drop(nack.sequence_numbers().count()),
        Packet::TransportFeedback(feedback) => {
            assert!(feedback.arrivals().count() <= usize::from(feedback.status_count));
        }
        Packet::CongestionFeedback(feedback) => {
            let _ = feedback.streams().map(|stream| stream.packets().count()).sum::<usize>();
        }
        Packet::Fir(fir) => drop(fir.entries().count()),
        Packet::Remb(remb) => drop(remb.ssrcs().count()),
        Packet::ExtendedReports(reports) => drop(reports.blocks().count()),
        Packet::Pli(_) | Packet::Unknown { .. } => {}
    }
}
