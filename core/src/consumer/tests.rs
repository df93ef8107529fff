//! A consumer as a whole, on a real producer.

use super::*;
use crate::codec::vp8;
use crate::packet::rtcp::ReportBlock;
use crate::packet::rtp::RtpPacket;
use crate::params::ConsumerAllocation;
use crate::params::PayloadTypeMapping;
use crate::producer::Liveness;
use crate::producer::fixtures::*;
use crate::report::SenderClock;
use crate::time::WallClock;
use proptest::prelude::*;

mod handover;
mod resend;
mod switching;

const OWN_SSRC: u32 = 0xaaaa;
const OWN_RTX_SSRC: u32 = 0xbbbb;
/// First sequence number 100, first timestamp offset 1,000, first RTX sequence number 7.
const SEED: u64 = (1_000 << 32) | (7 << 16) | 100;

fn at(millis: u64) -> Time {
    Time::from_millis(millis)
}

fn params(rtx: bool) -> ConsumerParams {
    let mapping = |producer_payload_type, payload_type, rtx_payload_type| PayloadTypeMapping {
        producer_payload_type,
        payload_type,
        rtx_payload_type,
    };
    ConsumerParams {
        transport_id: 2,
        producer_id: 1,
        ssrc: OWN_SSRC,
        rtx_ssrc: rtx.then_some(OWN_RTX_SSRC),
        mid: Some("m7".to_owned()),
        cname: "participant".to_owned(),
        payload_types: vec![mapping(VP8, 120, rtx.then_some(121)), mapping(OPUS, 100, None)],
        redundancy_payload_type: None,
        rtcp_feedback: vec!["nack".to_owned()],
        paused: false,
    }
}

/// A producer and one consumer of it.
struct Call {
    publisher: Publisher,
    consumer: Consumer,
    transport_sequence: u16,
}

/// A packet as the receiver gets it.
#[derive(Clone, Debug)]
struct Got {
    ssrc: u32,
    payload_type: u8,
    sequence_number: u16,
    timestamp: u32,
    marker: bool,
    extensions: Vec<(u8, Vec<u8>)>,
    payload: Vec<u8>,
    bytes: Vec<u8>,
}

impl Got {
    fn read(out: &[u8], composed: Composed) -> Self {
        let packet = RtpPacket::parse(&out[..composed.len]).unwrap();
        assert_eq!(packet.header.len(), composed.header_len);
        assert_eq!(packet.padding_len(), 0);
        Got {
            ssrc: packet.header.ssrc,
            payload_type: packet.header.payload_type,
            sequence_number: packet.header.sequence_number,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            extensions: packet.extensions().map(|(id, data)| (id, data.to_vec())).collect(),
            payload: packet.payload().to_vec(),
            bytes: packet.data().to_vec(),
        }
    }

    fn vp8(&self) -> (u16, u8) {
        let descriptor = vp8::Descriptor::parse(&self.payload).unwrap();
        (descriptor.picture_id.unwrap().value, descriptor.tl0_picture_index.unwrap())
    }
}

impl Call {
    fn new(publisher: Publisher, params: &ConsumerParams, send: &[(&str, u8)]) -> Self {
        let mut consumer = Consumer::new(params, &publisher.producer, SEED, STALL_TIMEOUT).unwrap();
        consumer.set_extensions(&publisher.extensions, &extension_map(send));
        Call { publisher, consumer, transport_sequence: 500 }
    }

    fn video() -> Self {
        Call::new(Publisher::video(), &params(true), &[(MID_URI, 9)])
    }

    fn send(&mut self, millis: u64, sent: &Sent) -> Option<Got> {
        let bytes = sent.bytes();
        let packet = self.publisher.media(at(millis), &bytes);
        let mut out = vec![0xee; packet.max_len()];
        let composed = self.consumer.forward(at(millis), &packet, &mut out)?;
        self.stamp(millis, &mut out, &composed);
        Some(Got::read(&out, composed))
    }

    fn nack(&mut self, millis: u64, sequence_number: u16) -> Option<Got> {
        self.consumer.nack_arrived();
        let resend = self.consumer.on_nack(at(millis), sequence_number, &self.publisher.producer)?;
        let mut out = vec![0xee; resend.max_len()];
        let composed = self.consumer.resend(&resend, &mut out)?;
        if !resend.is_plain() {
            self.stamp(millis, &mut out, &composed);
        }
        Some(Got::read(&out, composed))
    }

    /// Stamps a packet as the transport does when it leaves.
    fn stamp(&mut self, millis: u64, out: &mut [u8], composed: &Composed) {
        let stamps = Stamps::new(at(millis), self.transport_sequence);
        self.transport_sequence += u16::from(composed.stamps.is_numbered());
        composed.stamps.write(stamps, out);
        self.consumer.stamped(out, composed, stamps);
    }
}

#[test]
fn a_packet_is_written_as_its_receiver_negotiated() {
    let send = [(MID_URI, 9), (TWCC_URI, 5), (ABS_SEND_TIME_URI, 6), (ORIENTATION_URI, 2)];
    let mut call = Call::new(Publisher::video(), &params(true), &send);
    let mut sent = Sent { marker: true, padding: 9, ..Sent::video(10, vp8(700, 20, true)) };
    // MID, level, transport-wide sequence number, orientation, and one that the receiver did not take.
    sent.extensions = vec![(1, b"v".to_vec()), (3, vec![0, 9]), (4, vec![1]), (5, vec![7, 7])];
    let got = call.send(500, &sent).unwrap();
    assert_eq!((got.ssrc, got.payload_type, got.marker), (OWN_SSRC, 120, true));
    assert_eq!((got.sequence_number, got.timestamp), (100, 31_000));
    assert_eq!(got.payload, sent.payload, "picture ids of the first run are kept");
    let expected: [(u8, Vec<u8>); 4] =
        [(9, b"m7".to_vec()), (2, vec![1]), (6, vec![2, 0, 0]), (5, 500_u16.to_be_bytes().to_vec())];
    assert_eq!(got.extensions, expected);
    assert_eq!(call.transport_sequence, 501);
}

#[test]
fn long_extensions_and_high_ids_are_carried_over() {
    let mut call = Call::new(Publisher::video(), &params(true), &[(MID_URI, 9), ("urn:other", 30)]);
    let long = vec![3; 40];
    let sent = Sent { extensions: vec![(5, long.clone())], ..Sent::video(10, vp8(1, 1, true)) };
    assert_eq!(call.send(0, &sent).unwrap().extensions, [(9, b"m7".to_vec()), (30, long)]);
}

#[test]
fn video_starts_at_a_keyframe_and_audio_at_once() {
    let mut call = Call::video();
    assert!(call.consumer.needs_keyframe());
    assert!(call.send(0, &Sent::video(10, vp8(1, 1, false))).is_none());
    assert!(call.send(0, &Sent::video(11, vp8(2, 1, true))).is_some());
    assert!(!call.consumer.needs_keyframe());
    assert!(call.send(0, &Sent::video(12, vp8(3, 1, false))).is_some());

    let mut call = Call::new(Publisher::audio(), &params(false), &[]);
    assert!(!call.consumer.needs_keyframe());
    let got = call.send(0, &Sent::audio(7, vec![1; 60])).unwrap();
    assert_eq!((got.payload_type, got.extensions.len()), (100, 0));
}

#[test]
fn what_was_lost_upstream_stays_a_hole_until_it_comes() {
    let mut call = Call::video();
    let numbers: Vec<u16> = [10_u16, 11, 14, 12, 15, 13]
        .iter()
        .map(|n| call.send(0, &Sent::video(*n, vp8(*n, 1, *n == 10))).unwrap().sequence_number)
        .collect();
    assert_eq!(numbers, [100, 101, 104, 102, 105, 103]);
}

#[test]
fn what_is_left_out_leaves_no_hole() {
    let mut call = Call::video();
    let padding = |n| Sent { padding: 100, ..Sent::video(n, Vec::new()) };
    let steps = [
        (Sent::video(10, vp8(1, 1, true)), Some(100)),
        (padding(11), None),
        (padding(12), None),
        (Sent::video(13, vp8(2, 1, false)), Some(101)),
        (Sent::video(15, vp8(4, 1, false)), Some(103)),
        // Too late to be left out: the receiver has seen the hole.
        (padding(14), Some(102)),
        (Sent::video(16, vp8(5, 1, false)), Some(104)),
    ];
    for (sent, expected) in steps {
        let got = call.send(0, &sent);
        assert_eq!(got.as_ref().map(|got| got.sequence_number), expected, "{}", sent.sequence_number);
        assert_eq!(got.is_none_or(|got| got.payload.is_empty()), sent.payload.is_empty());
    }
}

#[test]
fn payload_types_that_were_not_taken_are_dropped_and_counted() {
    let mut publisher = audio_params();
    publisher.codecs.push(codec(13, "CN", 48_000, &[]));
    let mut call = Call::new(Publisher::new(&publisher), &params(false), &[]);
    assert_eq!(call.send(0, &Sent::audio(1, vec![1])).unwrap().sequence_number, 100);
    assert!(call.send(0, &Sent { payload_type: 13, ..Sent::audio(2, vec![1]) }).is_none());
    assert_eq!(call.send(0, &Sent::audio(3, vec![1])).unwrap().sequence_number, 101);
    assert_eq!(call.consumer.stats(at(0), 1, 2).dropped_unmapped, 1);
}

#[test]
fn redundant_audio_is_reduced_for_a_receiver_without_it_and_translated_for_one_with_it() {
    let red = vec![0x80 | OPUS, 0, 0, 2, OPUS, 1, 2, 3, 4, 5];
    let sent = Sent { payload_type: RED, ..Sent::audio(1, red) };
    let mut without = Call::new(Publisher::audio(), &params(false), &[]);
    let got = without.send(0, &sent).unwrap();
    assert_eq!((got.payload_type, got.payload), (100, vec![3, 4, 5]));

    let mut taken = params(false);
    taken.payload_types.push(PayloadTypeMapping {
        producer_payload_type: RED,
        payload_type: 101,
        rtx_payload_type: None,
    });
    let mut with = Call::new(Publisher::audio(), &taken, &[]);
    let got = with.send(0, &sent).unwrap();
    assert_eq!((got.payload_type, got.payload), (101, vec![0x80 | 100, 0, 0, 2, 100, 1, 2, 3, 4, 5]));
}

#[test]
fn a_pause_leaves_no_seam() {
    let mut call = Call::video();
    call.send(0, &Sent::video(10, vp8(700, 20, true)));
    assert_eq!(call.send(33, &Sent::video(11, vp8(701, 21, false))).unwrap().vp8(), (701, 21));
    call.consumer.set_paused(true);
    assert!(!call.consumer.needs_keyframe());
    for n in 12..20 {
        assert!(call.send(66, &Sent::video(n, vp8(690 + n, 30, n == 15))).is_none());
    }
    call.consumer.set_paused(false);
    assert!(call.consumer.needs_keyframe());
    assert!(call.send(500, &Sent::video(20, vp8(710, 31, false))).is_none());
    let resumed = call.send(533, &Sent::video(21, vp8(711, 32, true))).unwrap();
    assert_eq!((resumed.sequence_number, resumed.vp8()), (102, (702, 22)));
    assert_eq!(resumed.timestamp, 21 * 3_000 + 1_000, "time went on");
    assert_eq!(call.send(566, &Sent::video(22, vp8(712, 33, false))).unwrap().vp8(), (703, 23));
}

#[test]
fn a_source_that_starts_over_goes_on_in_time() {
    let mut call = Call::video();
    let before = call.send(0, &Sent::video(10, vp8(700, 20, true))).unwrap();
    call.publisher.producer.bind(at(10), 77, VP8, &crate::extension::ExtensionValues::default()).unwrap();
    let restarted = |n, keyframe| Sent { ssrc: 77, timestamp: 5, ..Sent::video(n, vp8(5, 5, keyframe)) };
    assert!(call.send(990, &restarted(40_000, false)).is_none());
    assert!(call.consumer.needs_keyframe());
    let after = call.send(1_000, &restarted(40_001, true)).unwrap();
    assert_eq!(after.sequence_number, before.sequence_number + 1);
    assert_eq!(after.timestamp - before.timestamp, 90_000);
    assert_eq!(after.vp8(), (701, 21));
}

/// As [`vp8`], of a temporal layer.
fn vp8_of_layer(picture_id: u16, index: u8, temporal: u8, sync: bool) -> Vec<u8> {
    let [high, low] = (0x8000 | picture_id).to_be_bytes();
    let layer = temporal << 6 | u8::from(sync) << 5;
    vec![0x90, 0xe0, high, low, index, layer, 1, 0, 0, 0, 0, 0, 0]
}

#[test]
fn upper_temporal_layers_are_left_out_without_a_gap() {
    let mut call = Call::video();
    call.send(0, &Sent::video(10, vp8(700, 20, true)));
    let allocation = |temporal| ConsumerAllocation { spatial: 0, temporal, priority: 0, still_interval_ms: None };
    call.consumer.allocate(at(1), &allocation(0), 1);
    assert!(call.send(33, &Sent::video(11, vp8_of_layer(701, 20, 1, true))).is_none());
    let base = call.send(66, &Sent::video(12, vp8_of_layer(702, 21, 0, false))).unwrap();
    assert_eq!((base.sequence_number, base.vp8()), (101, (701, 21)));
    call.consumer.allocate(at(67), &allocation(1), 1);
    assert!(call.send(99, &Sent::video(13, vp8_of_layer(703, 21, 1, false))).is_none(), "no point to switch up at");
    assert_eq!(call.send(132, &Sent::video(14, vp8_of_layer(704, 22, 0, false))).unwrap().vp8(), (702, 22));
    let up = call.send(165, &Sent::video(15, vp8_of_layer(705, 22, 1, true))).unwrap();
    assert_eq!((up.sequence_number, up.vp8()), (103, (703, 22)));
    assert_eq!(call.send(198, &Sent::video(17, vp8_of_layer(707, 23, 0, false))).unwrap().vp8(), (705, 23));
    assert_eq!(call.send(199, &Sent::video(16, vp8_of_layer(706, 22, 1, false))).unwrap().vp8(), (704, 22), "late");
}

#[test]
fn still_pictures_are_keyframes_with_nothing_between() {
    let mut call = Call::video();
    call.send(0, &Sent::video(10, vp8(700, 20, true)));
    let stills = ConsumerAllocation { spatial: 0, temporal: 7, priority: 0, still_interval_ms: Some(2_000) };
    call.consumer.allocate(at(0), &stills, 1);
    assert!(call.send(33, &Sent::video(11, vp8(701, 21, false))).is_none());
    assert!(call.send(66, &Sent::video(12, vp8(702, 22, true))).is_none(), "too soon for another picture");
    assert!(!call.consumer.poll_still(at(1_999)));
    assert!(call.consumer.poll_still(at(2_000)));
    assert!(!call.consumer.poll_still(at(2_001)), "told once");
    let still = call.send(2_100, &Sent::video(13, vp8(703, 23, true))).unwrap();
    assert_eq!(still.sequence_number, 101);
    assert!(call.send(2_133, &Sent::video(14, vp8(704, 24, false))).is_none());
    assert_eq!(call.consumer.still_due(), at(4_100));
    call.consumer.allocate(at(3_000), &ConsumerAllocation { still_interval_ms: None, ..stills }, 1);
    assert!(call.consumer.needs_keyframe(), "what follows the last picture was left out");
    assert!(call.send(3_033, &Sent::video(15, vp8(705, 25, false))).is_none());
    assert_eq!(call.send(3_066, &Sent::video(16, vp8(706, 26, true))).unwrap().sequence_number, 102);
    assert!(call.send(3_099, &Sent::video(17, vp8(707, 27, false))).is_some());
}

#[test]
fn a_receiver_can_start_with_what_is_held() {
    let mut call = Call::video();
    call.consumer.set_paused(true);
    for n in 10..15 {
        call.send(u64::from(n), &Sent::video(n, vp8(n, 1, n == 12)));
    }
    call.consumer.set_paused(false);
    let mut out = [0; 1_500];
    let mut replayed = Vec::new();
    for packet in call.publisher.producer.replay_from_keyframe(at(50), call.consumer.encoding()) {
        let composed = call.consumer.forward(at(50), &packet, &mut out).unwrap();
        replayed.push(Got::read(&out, composed).sequence_number);
    }
    assert_eq!(replayed, [100, 101, 102]);
    assert!(!call.consumer.needs_keyframe());
    assert_eq!(call.send(60, &Sent::video(15, vp8(15, 1, false))).unwrap().sequence_number, 103);
}

#[test]
fn a_keyframe_on_its_way_is_not_asked_for_again() {
    let mut call = Call::video();
    assert!(call.consumer.on_keyframe_request(at(0)));
    call.send(100, &Sent::video(10, vp8(700, 20, true)));
    assert!(!call.consumer.on_keyframe_request(at(150)));
    assert!(call.consumer.on_keyframe_request(at(300)));
    call.consumer.set_paused(true);
    assert!(!call.consumer.on_keyframe_request(at(900)));
    assert_eq!(call.consumer.stats(at(900), 1, 2).keyframe_requests_received, 4);
}

#[test]
fn sound_and_picture_stay_in_step() {
    let wall = WallClock::new(1_700_000_000_000_000_000);
    let mut clock = SenderClock::default();
    let mut video = Call::video();
    let mut audio = Call::new(Publisher::audio(), &params(false), &[]);
    video.send(0, &Sent::video(10, vp8(700, 20, true)));
    audio.send(0, &Sent::audio(10, vec![1; 60]));
    assert_eq!(video.consumer.sender_info(at(5), wall, &video.publisher.producer), None, "nobody knows the time");
    // One instant of the publisher's clock, in both of its reports, which travelled for 20 and for 50 ms.
    let instant = 4_000_u64 << 32;
    video.publisher.producer.on_sender_report(at(1_020), wall, SSRC, instant, 90_000, &mut clock);
    audio.publisher.producer.on_sender_report(at(1_050), wall, SSRC, instant, 48_000, &mut clock);
    video.send(1_500, &Sent::video(11, vp8(701, 20, false)));
    audio.send(1_500, &Sent::audio(11, vec![1; 60]));
    let of_video = video.consumer.sender_info(at(2_000), wall, &video.publisher.producer).unwrap();
    let of_audio = audio.consumer.sender_info(at(2_500), wall, &audio.publisher.producer).unwrap();
    assert_eq!((of_video.ntp, of_video.packet_count, of_video.octet_count), (wall.ntp(at(2_000)), 2, 212));
    // When, on our clock, the receiver will take that instant to have been, by picture and by sound.
    let seconds = |ntp: u64| ntp as f64 / 2_f64.powi(32) - (wall.ntp(Time::ZERO) >> 32) as f64;
    let by_video = seconds(of_video.ntp) - f64::from(of_video.rtp_timestamp.wrapping_sub(91_000) as i32) / 90_000.0;
    let by_audio = seconds(of_audio.ntp) - f64::from(of_audio.rtp_timestamp.wrapping_sub(49_000) as i32) / 48_000.0;
    assert!((by_video - by_audio).abs() < 0.002, "{by_video} {by_audio}");
    assert_eq!(video.consumer.sender_info(at(3_000), wall, &video.publisher.producer), None, "nothing new");
}

#[test]
fn reports_of_the_receiver_show_in_statistics() {
    let wall = WallClock::new(1_700_000_000_000_000_000);
    let mut call = Call::video();
    call.send(0, &Sent::video(10, vp8(700, 20, true)));
    let report = ReportBlock {
        ssrc: OWN_SSRC,
        fraction_lost: 64,
        cumulative_lost: 3,
        highest_sequence_number: 100,
        jitter: 900,
        last_sender_report: wall.ntp_middle(at(1_000)),
        delay_since_last_sender_report: 1 << 15,
    };
    call.consumer.on_receiver_report(at(1_600), wall, &report);
    let stats = call.consumer.stats(at(1_600), 1, 2);
    assert_eq!((stats.fraction_lost, stats.packets_lost, stats.jitter), (0.25, 3, 0.01));
    assert!((stats.round_trip_time.unwrap() - 0.1).abs() < 0.001);
    assert_eq!(call.consumer.poll_watchdog(at(1_600)), Some(Liveness::Live));
}

#[test]
fn impossible_parameters_are_refused() {
    let publisher = Publisher::video();
    let error = |change: fn(&mut ConsumerParams)| {
        let mut params = params(true);
        change(&mut params);
        Consumer::new(&params, &publisher.producer, SEED, STALL_TIMEOUT).err()
    };
    assert_eq!(error(|params| params.mid = Some("m".repeat(17))), Some(ConsumerError::Mid));
    assert_eq!(error(|params| params.mid = Some(String::new())), Some(ConsumerError::Mid));
    assert_eq!(error(|params| params.cname = String::new()), Some(ConsumerError::Cname));
    assert_eq!(error(|params| params.payload_types[0].payload_type = 128), Some(ConsumerError::PayloadType(128)));
}

proptest! {
    /// Whatever a publisher sends, what goes out fits the room announced, and never uses a sequence number twice.
    #[test]
    fn whatever_comes_in_what_goes_out_is_sound(
        packets in prop::collection::vec(
            (
                0_u16..40,
                prop::collection::vec((1_u8..8, prop::collection::vec(any::<u8>(), 1..30)), 0..6),
                prop::collection::vec(any::<u8>(), 0..40),
                any::<bool>(),
                0_u8..20,
            ),
            1..120,
        ),
        start in any::<u16>(),
        stamped in any::<bool>(),
    ) {
        let mut send = vec![(MID_URI, 9), (LEVEL_URI, 20), (ORIENTATION_URI, 3), ("urn:other", 200)];
        if stamped {
            send.extend([(TWCC_URI, 21), (ABS_SEND_TIME_URI, 22)]);
        }
        let mut taken = params(false);
        taken.mid = Some("m".repeat(MAX_MID_LEN));
        taken.payload_types.push(PayloadTypeMapping {
            producer_payload_type: RED,
            payload_type: 101,
            rtx_payload_type: None,
        });
        let mut call = Call::new(Publisher::audio(), &taken, &send);
        let mut used = std::collections::HashSet::new();
        let (mut base, mut first) = (start, u64::MAX);
        for (ahead, extensions, payload, red, padding) in packets {
            base = base.wrapping_add(ahead / 8);
            let sequence_number = base.wrapping_sub(ahead % 8);
            let payload_type = if red { RED } else { OPUS };
            let sent = Sent { payload_type, extensions, padding, ..Sent::audio(sequence_number, payload) };
            let bytes = sent.bytes();
            let crate::producer::Received::Media(packet) = call.publisher.receive(at(0), &bytes) else { continue };
            let mut out = vec![0; packet.max_len()];
            let before = call.consumer.stats(at(0), 0, 0).dropped_unmapped;
            match call.consumer.forward(at(0), &packet, &mut out) {
                Some(composed) => {
                    call.stamp(0, &mut out, &composed);
                    let got = Got::read(&out, composed);
                    prop_assert!(used.insert(got.sequence_number));
                    first = first.min(packet.sequence);
                    let again = call.nack(0, got.sequence_number);
                    prop_assert!(again.is_none_or(|again| again.bytes == got.bytes));
                }
                None => {
                    let dropped = call.consumer.stats(at(0), 0, 0).dropped_unmapped > before;
                    prop_assert!(packet.payload.is_empty() || dropped || packet.sequence < first);
                }
            }
        }
    }
}
