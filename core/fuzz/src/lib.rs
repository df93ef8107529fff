//! What the fuzz targets do with their input. `core/tests/corpus.rs` does the same with every file of the corpora, on
//! any toolchain.
//!
//! Run a target from `core/`: `cargo +nightly fuzz run rtp`. Files of a corpus with a name were written by hand; those
//! named by a hash are what fuzzing found to reach more, brought down to a few by libFuzzer's `-set_cover_merge=1`.

use std::time::Duration;

use _core::bitrate::Bitrate;
use _core::codec::dependency_descriptor::{self, Descriptor, Structure};
use _core::codec::frame_marking::FrameMarking;
use _core::codec::{av1, h264, red, vp8, vp9};
use _core::estimator::{Estimator, EstimatorConfig, SentPacket};
use _core::extension::ExtensionMap;
use _core::packet::demux::{self, Kind};
use _core::packet::framing::{Frame, frame_header, next_frame};
use _core::packet::rtcp::{self, Packet, RtcpWriter};
use _core::packet::rtp::{Fields, RtpHeader, RtpPacket, write_header};
use _core::packet::stun::{Class, IntegrityKey, MAX_RESPONSE_LEN, StunMessage, write_binding_success};
use _core::params::{CodecParams, EncodingParams, HeaderExtension, MediaKind, ProducerParams, SrtpProfile};
use _core::producer::{Producer, Received};
use _core::repair::BlockPool;
use _core::report::ReportProgress;
use _core::srtp::{MAX_RTCP_OVERHEAD, MAX_RTP_OVERHEAD, SrtpError, SrtpReceiver, SrtpSender};
use _core::time::Time;

/// Reads a packet, writes its header again, and reads that.
pub fn rtp(data: &[u8]) {
    let Ok(packet) = RtpPacket::parse(data) else { return };
    assert_eq!(packet.header.len() + packet.payload().len() + packet.padding_len(), data.len());
    assert!(packet.csrcs().len() <= 15);
    let RtpHeader { marker, payload_type, sequence_number, timestamp, ssrc, .. } = packet.header;
    let fields = Fields { marker, payload_type, sequence_number, timestamp, ssrc };
    // The two-byte form takes up to twice the room of the one-byte form.
    let mut out = vec![0; 2 * data.len() + 16];
    let len = write_header(&mut out, &fields, packet.extensions()).expect("what was read can be written");
    let again = RtpPacket::parse(&out[..len]).expect("what was written can be read");
    assert!(again.extensions().eq(packet.extensions()));
    assert_eq!((again.header.sequence_number, again.header.ssrc), (sequence_number, ssrc));
}

/// Walks through a compound, and writes again what has a writer for the same content.
pub fn rtcp(data: &[u8]) {
    let mut out = vec![0; 8 * data.len() + 64];
    for packet in rtcp::packets(data).flatten() {
        let mut writer = RtcpWriter::new(&mut out);
        match packet {
            Packet::SenderReport(report) => {
                let reports: Vec<_> = report.reports().collect();
                writer.sender_report(report.ssrc, &report.info, &reports).expect("at most 31 reports");
            }
            Packet::ReceiverReport(report) => {
                let reports: Vec<_> = report.reports().collect();
                writer.receiver_report(report.ssrc, &reports).expect("at most 31 reports");
            }
            Packet::SourceDescription(description) => {
                for item in description.items() {
                    assert!(item.value.len() <= 255 && item.item_type != 0);
                }
            }
            Packet::Goodbye(goodbye) => {
                let ssrcs: Vec<u32> = goodbye.ssrcs().collect();
                writer.goodbye(&ssrcs).expect("at most 31 sources");
            }
            Packet::Nack(nack) => {
                let lost: Vec<u16> = nack.sequence_numbers().collect();
                assert!(lost.len() <= data.len() / 4 * 17);
                let asked = writer.nack(nack.sender_ssrc, nack.media_ssrc, lost.iter().copied());
                assert_eq!(asked.unwrap_or(0), lost.len());
            }
            Packet::TransportFeedback(feedback) => {
                let mut arrivals = 0;
                for arrival in feedback.arrivals() {
                    let offset = arrival.sequence_number.wrapping_sub(feedback.base_sequence_number);
                    assert!(offset < feedback.status_count);
                    arrivals += 1;
                }
                assert!(arrivals <= feedback.status_count);
                // A chunk of two bytes has seven at most: what is cheap to send is cheap to heed.
                assert!(usize::from(arrivals) <= data.len() / 2 * 7);
            }
            Packet::CongestionFeedback(feedback) => {
                let told: usize = feedback.streams().map(|stream| stream.packets().len()).sum();
                assert!(told <= data.len() / 2);
            }
            Packet::Pli(pli) => writer.pli(pli.sender_ssrc, pli.media_ssrc).expect("twelve bytes"),
            Packet::Fir(fir) => {
                let entries: Vec<_> = fir.entries().collect();
                writer.fir(fir.sender_ssrc, &entries).expect("no longer than before");
            }
            Packet::Remb(remb) => {
                let ssrcs: Vec<u32> = remb.ssrcs().collect();
                writer.remb(remb.sender_ssrc, remb.bitrate, &ssrcs).expect("at most 255 sources");
            }
            Packet::ExtendedReports(reports) => assert!(reports.blocks().count() <= data.len() / 4),
            Packet::Unknown { .. } => {}
        }
        let len = writer.len();
        assert!(rtcp::packets(&out[..len]).all(|packet| packet.is_ok()), "what was written can be read");
    }
}

/// Reads a message, verifies it, and answers a request.
pub fn stun(data: &[u8]) {
    let Ok(message) = StunMessage::parse(data) else { return };
    let _ = (message.ufrags(), message.verify_fingerprint());
    // The password of the samples in RFC 5769.
    let key = IntegrityKey::new("VOkJxbRl1RmTxUk/WvJxBt");
    assert!(message.has_integrity() || !message.verify_integrity(&key));
    if message.class == Class::Request {
        let mut out = [0; MAX_RESPONSE_LEN];
        let mapped = ([192, 0, 2, 1], 32_853).into();
        let len = write_binding_success(&mut out, message.transaction_id, mapped, &key).expect("there is room");
        let response = StunMessage::parse(&out[..len]).expect("what was written can be read");
        assert!(response.verify_fingerprint() && response.verify_integrity(&key));
        assert_eq!(response.xor_mapped_address, Some(mapped));
    }
}

/// Takes the input for a packet of a stranger, and then for a packet to send to a peer. The first byte chooses the
/// profile.
pub fn srtp(data: &[u8]) {
    let Some((&choice, data)) = data.split_first() else { return };
    let (profile, key_len) = match choice % 3 {
        0 => (SrtpProfile::AeadAes128Gcm, 28),
        1 => (SrtpProfile::AeadAes256Gcm, 44),
        _ => (SrtpProfile::Aes128CmSha1_80, 30),
    };
    let key = [0x5a; 44];
    let mut sender = SrtpSender::new(profile, &key[..key_len]).expect("the length is right");
    let mut receiver = SrtpReceiver::new(profile, &key[..key_len]).expect("the length is right");

    let _ = receiver.unprotect_rtcp(&mut data.to_vec());
    if data.len() >= 8 {
        let mut packet = [data, &[0; MAX_RTCP_OVERHEAD]].concat();
        let len = sender.protect_rtcp(&mut packet, data.len()).expect("there is room");
        let mut opened = packet[..len].to_vec();
        let plain = receiver.unprotect_rtcp(&mut opened).expect("it is of the peer");
        assert_eq!(opened[..plain], *data);
        assert_eq!(receiver.unprotect_rtcp(&mut packet[..len]), Err(SrtpError::Replayed));
    }
    if let Ok(header) = RtpHeader::parse(data) {
        let _ = receiver.unprotect_rtp(&header, &mut data.to_vec());
        let mut packet = [data, &[0; MAX_RTP_OVERHEAD]].concat();
        let len = sender.protect_rtp(&mut packet, header.len(), data.len()).expect("there is room");
        let mut opened = packet[..len].to_vec();
        let plain = receiver.unprotect_rtp(&header, &mut opened).expect("it is of the peer");
        assert_eq!(opened[..plain], *data);
        assert_eq!(receiver.unprotect_rtp(&header, &mut packet[..len]), Err(SrtpError::Replayed));
    }
}

/// Reads the input as a payload of every codec, and rewrites what is rewritten.
pub fn codec(data: &[u8]) {
    let mut payload = data.to_vec();
    if let Ok(descriptor) = vp8::Descriptor::parse(data) {
        descriptor.numbers().rewrite(&mut payload, 0x7abc, 0xde);
        let again = vp8::Descriptor::parse(&payload).expect("it keeps its shape");
        assert_eq!(again.len(), descriptor.len());
        assert_eq!(payload[again.len()..], data[again.len()..]);
        assert_eq!(vp8::is_keyframe_start(&payload), vp8::is_keyframe_start(data));
    }
    assert!(vp8::keyframe_size(data).is_none() || vp8::is_keyframe_start(data));
    if let Ok(descriptor) = vp9::Descriptor::parse(data) {
        assert!(descriptor.len <= data.len());
        assert_eq!(vp9::is_keyframe_start(data), descriptor.is_keyframe_start());
    }
    assert!(h264::nal_types(data).all(|nal_type| nal_type < 32));
    let _ = h264::is_keyframe_start(data);
    assert!(h264::slices(data).temporal.is_none_or(|temporal| temporal < 8));
    assert!(FrameMarking::parse(data).is_ok_and(|mark| mark.layer() < 8) == (1..=3).contains(&data.len()));
    assert!(av1::obu_types(data).count() <= data.len());
    let _ = av1::is_keyframe_start(data);
    if let Ok(blocks) = red::blocks(data) {
        let total: usize = blocks.clone().map(|block| block.data.len()).sum();
        assert!(total < data.len());
        payload.copy_from_slice(data);
        assert!(red::rewrite_payload_types(&mut payload, |payload_type| Some(payload_type ^ 1)));
        let read_again = red::blocks(&payload).expect("it keeps its shape");
        assert!(
            read_again.zip(blocks).all(|(new, old)| new.payload_type == old.payload_type ^ 1 && new.data == old.data)
        );
    }
}

/// Takes the input for two descriptors of a stream, the first of which, as long as the first byte says, may bring a
/// structure. What was read is written, and read again.
pub fn dependency_descriptor(data: &[u8]) {
    let Some((&len, data)) = data.split_first() else { return };
    let (first, second) = data.split_at(usize::from(len).min(data.len()));
    let mut structure: Option<Box<Structure>> = None;
    for descriptor in [first, second] {
        let Ok(frame) = dependency_descriptor::Frame::parse(descriptor, &mut structure) else { continue };
        let known = structure.as_deref().expect("a frame is read with a structure");
        let target = known.target_for(frame.spatial, frame.temporal, frame.active.unwrap_or(u32::MAX));
        assert!(target.is_none_or(|target| target < usize::from(known.decode_targets)));
        let mut out = [0; 4096];
        let len = frame.write(known, &mut out).expect("what was read can be written");
        let mut again = structure.clone();
        assert_eq!(dependency_descriptor::Frame::parse(&out[..len], &mut again), Ok(frame));
        assert_eq!(again, structure);
        let number = frame.descriptor.frame_number ^ 0x5aa5;
        Descriptor::rewrite_frame_number(&mut out[..len], number);
        let rewritten = dependency_descriptor::Frame::parse(&out[..len], &mut again).expect("it keeps its shape");
        let descriptor = Descriptor { frame_number: number, ..frame.descriptor };
        assert_eq!(rewritten, dependency_descriptor::Frame { descriptor, ..frame });
    }
}

/// Takes the input for packets of a publisher of video, each behind its length. The first byte chooses the codec, and
/// whether there are three encodings that no packet tells apart.
pub fn producer(data: &[u8]) {
    let Some((&choice, data)) = data.split_first() else { return };
    let encodings = if choice & 4 == 0 { 1 } else { 3 };
    let codec = CodecParams {
        payload_type: 96,
        name: ["VP8", "VP9", "H264", "AV1"][usize::from(choice % 4)].to_owned(),
        clock_rate: 90_000,
        rtx_payload_type: Some(97),
        rtcp_feedback: vec!["nack".to_owned()],
    };
    let params = ProducerParams {
        transport_id: 1,
        kind: MediaKind::Video,
        mid: Some("v".to_owned()),
        codecs: vec![codec],
        encodings: vec![EncodingParams::default(); encodings],
        paused: false,
    };
    let uris = [
        "urn:ietf:params:rtp-hdrext:sdes:mid",
        "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        "urn:ietf:params:rtp-hdrext:framemarking",
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
    ];
    let extensions = (1..).zip(uris).map(|(id, uri)| HeaderExtension { uri: uri.to_owned(), id });
    let extensions = ExtensionMap::new(&extensions.collect::<Vec<_>>()).expect("four of them");
    let mut producer = Producer::new(Time::ZERO, &params, Duration::from_secs(2)).expect("it is valid");
    producer.enable_history();
    let mut pool = BlockPool::new(256);
    let mut now = Time::ZERO;
    for bytes in chunks(data) {
        now += Duration::from_millis(10);
        let Ok(packet) = RtpPacket::parse(bytes) else { continue };
        let values = extensions.read(&packet);
        if !producer.ssrcs().any(|ssrc| ssrc == packet.header.ssrc) {
            let _ = producer.bind(now, packet.header.ssrc, packet.header.payload_type, &values);
        }
        if let Received::Media(media) = producer.receive(now, now, &packet, &values, &mut pool) {
            assert!(usize::from(media.encoding) < encodings);
            assert!(media.frame.is_none_or(|frame| frame.spatial < 8 && frame.temporal < 8));
        }
        assert!(producer.ssrcs().count() <= 2 * encodings);
        let _ = producer.poll_layers();
    }
    producer.release_history(&mut pool);
}

/// Takes the input for compounds of a receiver, each behind its length, of which an estimator is told. It has sent
/// packets in two sources.
pub fn estimator(data: &[u8]) {
    let config = EstimatorConfig::default();
    let mut estimator = Estimator::new(config);
    estimator.set_demand(Time::ZERO, Bitrate::kbps(300), Bitrate::kbps(3_000));
    let mut now = Time::from_millis(1);
    let mut sequence_number = 65_500_u16;
    for compound in chunks(data) {
        for n in 0..16_u16 {
            now += Duration::from_millis(7);
            sequence_number = sequence_number.wrapping_add(1);
            let probe = estimator.poll_probe(now).map(|probe| probe.id);
            estimator.sent(now, SentPacket { sequence_number, size: 1_000, probe });
            estimator.sent_in_source(7 + u32::from(n % 2), sequence_number / 2);
        }
        for packet in rtcp::packets(compound).flatten() {
            match packet {
                Packet::TransportFeedback(feedback) => estimator.on_transport_feedback(now, &feedback),
                Packet::CongestionFeedback(feedback) => {
                    let told = estimator.on_congestion_feedback(now, &feedback);
                    assert!(told.len() <= compound.len() / 2);
                }
                Packet::Remb(remb) => estimator.on_remb(now, Bitrate::bps(remb.bitrate)),
                Packet::ReceiverReport(report) => {
                    for block in report.reports() {
                        let round_trip = Some(Duration::from_millis(u64::from(block.jitter % 4_096)));
                        let (lost, expected) = (f64::from(block.fraction_lost) / 256.0, block.highest_sequence_number);
                        let answers = Some(now - Duration::from_millis(u64::from(block.last_sender_report % 1_024)));
                        estimator.on_receiver_report(now, &ReportProgress { lost, expected, round_trip, answers });
                    }
                    estimator.conclude_reports(now);
                }
                _ => {}
            }
            if estimator.wants_report() {
                estimator.report_left(now, !now.as_millis().is_multiple_of(3));
            }
            estimator.handle_timeout(now);
            let bitrate = estimator.estimate().bitrate;
            assert!((config.min..=config.max).contains(&bitrate), "{bitrate:?}");
        }
    }
}

/// Pieces of the input, each behind a byte with its length.
fn chunks(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (&len, rest) = data.split_first()?;
        let (chunk, rest) = rest.split_at(usize::from(len).min(rest.len()));
        data = rest;
        Some(chunk)
    })
}

/// Takes the input for the bytes of a connection.
pub fn framing(data: &[u8]) {
    let mut rest = data;
    loop {
        match next_frame(rest) {
            Frame::Complete { packet, consumed } => {
                assert_eq!(frame_header(packet.len()), rest.first_chunk().copied());
                if demux::classify(packet) != Kind::Unknown {
                    assert!(packet.len() >= 8);
                }
                rest = &rest[consumed..];
            }
            Frame::Incomplete { needed } => {
                assert!(needed > rest.len());
                break;
            }
        }
    }
}
