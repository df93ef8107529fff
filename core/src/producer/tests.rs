//! A producer as a whole.

use super::fixtures::*;
use super::*;
use crate::codec::Codec;
use crate::packet::rtp::ExtensionForm;
use crate::params::{CodecParams, EncodingParams};
use crate::report::SenderClock;
use crate::time::WallClock;

fn at(millis: u64) -> Time {
    Time::from_millis(millis)
}

fn nacks(publisher: &mut Publisher, millis: u64) -> Vec<u16> {
    let mut requests = Vec::new();
    let ssrc = publisher.producer.poll_nack(at(millis), &mut requests);
    assert_eq!(ssrc, (!requests.is_empty()).then_some(SSRC));
    requests
}

fn discard(received: Received<'_>) -> Option<Discard> {
    match received {
        Received::Media(_) => None,
        Received::Nothing(discard) => Some(discard),
    }
}

#[test]
fn media_is_handed_on_as_it_came() {
    let mut publisher = Publisher::video();
    let sent = Sent { marker: true, padding: 7, ..Sent::video(10, vp8(1, 1, true)) };
    let bytes = sent.bytes();
    let packet = publisher.media(at(5), &bytes);
    assert_eq!((packet.sequence as u16, packet.timestamp, packet.marker), (10, 30_000, true));
    assert_eq!((packet.payload_type, packet.codec, packet.keyframe), (VP8, Codec::Vp8, true));
    assert_eq!(packet.payload, sent.payload, "padding is gone");
    assert_eq!(packet.extension_form, ExtensionForm::OneByte);
    let held = publisher.producer.held_packet(at(5), packet.stream, packet.sequence).unwrap();
    assert_eq!((held.payload, held.extensions), (packet.payload, packet.extensions));
}

#[test]
fn what_is_missing_is_asked_for_and_comes_back_by_rtx() {
    let mut publisher = Publisher::video();
    let sent: Vec<Sent> = (0..5).map(|n| Sent::video(65_534_u16.wrapping_add(n), vp8(n, 0, n == 0))).collect();
    for n in [0, 1, 4] {
        publisher.media(at(0), &sent[n].bytes());
    }
    assert_eq!(nacks(&mut publisher, 0), []);
    assert_eq!(nacks(&mut publisher, 10), [0, 1]);
    let rtx = sent[2].as_rtx(900).bytes();
    let packet = publisher.media(at(40), &rtx);
    assert_eq!((packet.sequence as u16, packet.payload_type), (0, VP8));
    assert_eq!(packet.payload, sent[2].payload);
    assert_eq!(discard(publisher.receive(at(41), &sent[2].as_rtx(901).bytes())), Some(Discard::Duplicate));
    assert_eq!(discard(publisher.receive(at(41), &sent[2].bytes())), Some(Discard::Duplicate));
    publisher.media(at(45), &sent[3].bytes());
    assert_eq!(nacks(&mut publisher, 1_000), []);
    let stats = publisher.producer.stats(at(1_000), 7);
    assert_eq!((stats.packets, stats.nacks_sent, stats.retransmissions_received), (5, 2, 1));
    assert_eq!((stats.producer_id, stats.keyframes, stats.live), (7, 1, true));
}

#[test]
fn reports_show_what_the_network_lost_and_statistics_what_stayed_lost() {
    let mut publisher = Publisher::video();
    let sent: Vec<Sent> = (0..10).map(|n| Sent::video(n, vp8(n, 0, n == 0))).collect();
    for n in [0, 1, 3, 4, 6, 7, 8, 9] {
        publisher.media(at(0), &sent[n].bytes());
    }
    publisher.media(at(50), &sent[2].as_rtx(1).bytes());
    let mut reports = Vec::new();
    publisher.producer.for_each_report_block(at(60), |report| reports.push(report));
    assert_eq!(reports.len(), 1);
    assert_eq!((reports[0].ssrc, reports[0].cumulative_lost, reports[0].highest_sequence_number), (SSRC, 2, 9));
    assert_eq!(publisher.producer.stats(at(60), 1).packets_lost, 1);
}

#[test]
fn probes_and_strangers_are_not_media() {
    let mut publisher = Publisher::video();
    publisher.media(at(0), &Sent::video(10, vp8(1, 1, true)).bytes());
    let cases = [
        (Sent { payload: Vec::new(), padding: 200, ..Sent::video(10, Vec::new()).as_rtx(5) }, Discard::Probe),
        (Sent { payload: vec![0, 10], ..Sent::video(10, Vec::new()).as_rtx(5) }, Discard::Probe),
        (Sent { ssrc: 0x9999, ..Sent::video(11, vec![1]) }, Discard::UnknownSsrc),
        (Sent { payload_type: 100, ..Sent::video(11, vec![1]) }, Discard::UnknownPayloadType),
        (Sent { payload_type: VP8, ..Sent::video(9, vec![1]).as_rtx(6) }, Discard::UnknownPayloadType),
        (Sent::video(20_000, vec![1]), Discard::Astray),
    ];
    for (sent, expected) in cases {
        assert_eq!(discard(publisher.receive(at(1), &sent.bytes())), Some(expected), "{sent:?}");
    }
}

#[test]
fn a_source_that_starts_over_is_a_new_run() {
    let mut publisher = Publisher::video();
    let first = publisher.media(at(0), &Sent::video(10, vp8(1, 1, true)).bytes()).stream;
    assert_eq!(discard(publisher.receive(at(1), &Sent::video(30_000, vp8(2, 1, true)).bytes())), Some(Discard::Astray));
    let bytes = Sent::video(30_001, vp8(3, 1, false)).bytes();
    let packet = publisher.media(at(2), &bytes);
    assert_ne!(packet.stream, first);
    assert_eq!(packet.sequence as u16, 30_001);
    assert_eq!(publisher.producer.poll_keyframe_request(at(2)), Some(KeyframeRequest::Pli { ssrc: SSRC }));
    assert_eq!(nacks(&mut publisher, 100), [], "the jump is no loss");
    assert!(publisher.producer.held_packet(at(2), packet.stream, packet.sequence).is_some());
    assert!(publisher.producer.held_packet(at(2), first, packet.sequence).is_none());
}

#[test]
fn ssrcs_are_learned_and_replaced() {
    let mut params = video_params();
    params.encodings = vec![EncodingParams::default()];
    let mut publisher = Publisher::new(&params);
    let none = ExtensionValues::default();
    assert_eq!(publisher.producer.bind(at(0), 5, 100, &none), None, "unknown payload type");
    assert_eq!(publisher.producer.bind(at(0), 5, VP8, &none), Some(Binding { replaced: None }));
    assert_eq!(publisher.producer.bind(at(0), 6, VP8_RTX, &none), Some(Binding { replaced: None }));
    assert_eq!(publisher.producer.ssrcs().collect::<Vec<u32>>(), [5, 6]);
    let first = publisher.media(at(0), &Sent { ssrc: 5, ..Sent::video(10, vp8(1, 1, true)) }.bytes()).stream;
    assert_eq!(publisher.producer.bind(at(100), 7, VP8, &none), Some(Binding { replaced: Some(5) }));
    assert_eq!(publisher.producer.bind(at(110), 5, VP8, &none), None, "a straggler of the old source");
    let second = publisher.media(at(120), &Sent { ssrc: 7, ..Sent::video(50_000, vp8(1, 1, true)) }.bytes()).stream;
    assert_ne!(first, second);
    assert_eq!(publisher.producer.bind(at(9_000), 5, VP8, &none), Some(Binding { replaced: Some(7) }));
}

#[test]
fn one_encoding_is_kept_of_a_sender_whose_simulcast_was_not_agreed_on() {
    let mut params = video_params();
    params.encodings = vec![EncodingParams::default()];
    let mut publisher = Publisher::new(&params);
    let values = |rid, repaired_rid| ExtensionValues { rid, repaired_rid, ..ExtensionValues::default() };
    let (q, h) = (values(Some(b"q"), None), values(Some(b"h"), None));
    assert!(publisher.producer.bind(at(0), 5, VP8, &q).is_some());
    publisher.media(at(0), &Sent { ssrc: 5, ..Sent::video(10, vp8(1, 1, true)) }.bytes());
    assert_eq!(publisher.producer.bind(at(10), 6, VP8, &h), None, "another encoding");
    assert_eq!(publisher.producer.bind(at(10), 8, VP8_RTX, &values(None, Some(b"h"))), None, "its retransmissions");
    assert!(publisher.producer.bind(at(10), 7, VP8_RTX, &values(None, Some(b"q"))).is_some());
    assert_eq!(publisher.producer.bind(at(20), 9, VP8, &q), Some(Binding { replaced: Some(5) }), "a new SSRC of it");
    assert!(publisher.producer.bind(at(60_000), 6, VP8, &h).is_some(), "the first one ended");
}

#[test]
fn the_encoding_agreed_on_takes_over_from_others() {
    let mut params = video_params();
    params.encodings = vec![EncodingParams { rid: Some("f".into()), ..EncodingParams::default() }];
    let mut publisher = Publisher::new(&params);
    let values = |rid| ExtensionValues { rid, ..ExtensionValues::default() };
    assert!(publisher.producer.bind(at(0), 5, VP8, &values(Some(b"q"))).is_some(), "better than nothing");
    publisher.media(at(0), &Sent { ssrc: 5, ..Sent::video(10, vp8(1, 1, true)) }.bytes());
    let replaced = Some(Binding { replaced: Some(5) });
    assert_eq!(publisher.producer.bind(at(10), 6, VP8, &values(Some(b"f"))), replaced);
    publisher.media(at(2_900), &Sent { ssrc: 6, ..Sent::video(10, vp8(1, 1, true)) }.bytes());
    assert_eq!(publisher.producer.bind(at(3_000), 5, VP8, &values(Some(b"q"))), None);
    assert_eq!(publisher.producer.bind(at(3_000), 7, VP8, &values(None)), None);
}

#[test]
fn a_sender_that_leaves_the_rid_out_is_heard_and_repaired() {
    let mut params = video_params();
    params.encodings = vec![EncodingParams { rid: Some("f".into()), ..EncodingParams::default() }];
    let mut publisher = Publisher::new(&params);
    let none = ExtensionValues::default();
    assert!(publisher.producer.bind(at(0), 5, VP8, &none).is_some());
    publisher.media(at(0), &Sent { ssrc: 5, ..Sent::video(10, vp8(1, 1, true)) }.bytes());
    assert!(publisher.producer.bind(at(10), 6, VP8_RTX, &none).is_some());
}

#[test]
fn encodings_of_a_sender_that_leaves_the_rids_out_are_taken_in_the_order_in_which_they_come() {
    let mut params = video_params();
    let rid = |rid: &str| EncodingParams { rid: Some(rid.to_owned()), ..EncodingParams::default() };
    params.encodings = vec![rid("lo"), rid("hi")];
    let mut publisher = Publisher::new(&params);
    let none = ExtensionValues::default();
    for ssrc in [5, 6] {
        assert_eq!(publisher.producer.bind(at(0), ssrc, VP8, &none), Some(Binding { replaced: None }));
    }
    assert_eq!(publisher.producer.bind(at(0), 7, VP8, &none), None, "no more than were agreed on");
    assert_eq!(publisher.producer.bind(at(0), 8, VP8_RTX, &none), None, "it may be of either");
    for (ssrc, encoding) in [(5, 0), (6, 1)] {
        let bytes = Sent { ssrc, ..Sent::video(10, vp8(1, 1, true)) }.bytes();
        assert_eq!(publisher.media(at(1), &bytes).encoding, encoding);
    }
    let named = ExtensionValues { rid: Some(b"lo"), ..ExtensionValues::default() };
    assert_eq!(
        publisher.producer.bind(at(2), 9, VP8, &named),
        Some(Binding { replaced: Some(5) }),
        "a name counts more"
    );
}

#[test]
fn encodings_are_told_apart_by_rid() {
    let mut params = video_params();
    let rid = |rid: &str| EncodingParams { rid: Some(rid.to_owned()), ..EncodingParams::default() };
    params.encodings = vec![rid("lo"), rid("hi")];
    let mut producer = Producer::new(Time::ZERO, &params, STALL_TIMEOUT).unwrap();
    let values = |rid, repaired_rid| ExtensionValues { rid, repaired_rid, ..ExtensionValues::default() };
    assert_eq!(producer.bind(at(0), 1, VP8, &values(Some(b"mid"), None)), None);
    assert!(producer.bind(at(0), 1, VP8, &values(Some(b"hi"), None)).is_some());
    assert_eq!(producer.bind(at(0), 3, VP8, &values(None, None)), None, "its sender names them");
    assert!(producer.bind(at(0), 2, VP8_RTX, &values(None, Some(b"hi"))).is_some());
    assert_eq!(producer.encodings[1].ssrc, Some(1));
    assert_eq!(producer.encodings[1].rtx_ssrc, Some(2));
    assert_eq!(producer.encodings[0].ssrc, None);
}

#[test]
fn keyframes_are_asked_for_as_negotiated() {
    let request = |feedback: &[&str]| {
        let mut params = video_params();
        params.codecs = vec![codec(VP8, "VP8", 90_000, feedback)];
        let mut publisher = Publisher::new(&params);
        publisher.producer.request_keyframe(at(0));
        publisher.producer.poll_keyframe_request(at(0))
    };
    assert_eq!(request(&["nack pli", "ccm fir"]), Some(KeyframeRequest::Pli { ssrc: SSRC }));
    assert_eq!(request(&["ccm fir"]), Some(KeyframeRequest::Fir { ssrc: SSRC, sequence_number: 0 }));
    assert_eq!(request(&["nack"]), None);
    let mut audio = Publisher::audio();
    audio.producer.request_keyframe(at(0));
    assert_eq!(audio.producer.poll_keyframe_request(at(0)), None);
}

#[test]
fn a_keyframe_ends_the_requests() {
    let mut publisher = Publisher::video();
    publisher.producer.request_keyframe(at(0));
    assert!(publisher.producer.poll_keyframe_request(at(0)).is_some());
    publisher.media(at(100), &Sent::video(10, vp8(1, 1, true)).bytes());
    assert_eq!(publisher.producer.poll_keyframe_request(at(5_000)), None);
}

#[test]
fn what_cannot_be_repaired_takes_a_keyframe() {
    let mut publisher = Publisher::video();
    publisher.media(at(0), &Sent::video(10, vp8(1, 1, true)).bytes());
    publisher.media(at(0), &Sent::video(12, vp8(3, 1, false)).bytes());
    let mut asked = 0;
    for millis in (0..3_000).step_by(10) {
        asked += nacks(&mut publisher, millis).len();
    }
    assert_eq!(asked, 10);
    assert!(publisher.producer.poll_keyframe_request(at(3_000)).is_some());

    // A hole before a keyframe is no reason for another.
    let mut publisher = Publisher::video();
    publisher.media(at(0), &Sent::video(10, vp8(1, 1, false)).bytes());
    publisher.media(at(0), &Sent::video(12, vp8(3, 1, true)).bytes());
    for millis in (0..3_000).step_by(10) {
        nacks(&mut publisher, millis);
    }
    assert!(publisher.producer.poll_keyframe_request(at(3_000)).is_none());
}

#[test]
fn a_paused_producer_is_silent_and_resumes_as_a_new_run() {
    let mut publisher = Publisher::video();
    let first = publisher.media(at(0), &Sent::video(10, vp8(1, 1, true)).bytes()).stream;
    publisher.producer.set_paused(at(10), true);
    for n in 11..400 {
        let sent = Sent::video(n, vp8(n, 1, false));
        assert_eq!(discard(publisher.receive(at(10), &sent.bytes())), Some(Discard::Paused));
    }
    assert_eq!(publisher.producer.poll_watchdog(at(60_000)), None);
    publisher.producer.set_paused(at(60_000), false);
    let packet_stream = publisher.media(at(60_001), &Sent::video(405, vp8(1, 1, true)).bytes()).stream;
    assert_ne!(packet_stream, first);
    assert_eq!(nacks(&mut publisher, 60_100), []);
    assert_eq!(publisher.producer.stats(at(60_100), 1).packets, 391);
}

#[test]
fn a_young_keyframe_starts_a_receiver_at_once() {
    let mut publisher = Publisher::video();
    for n in 0..10_u16 {
        publisher.media(at(u64::from(n) * 10), &Sent::video(n, vp8(n, 1, n == 4)).bytes());
    }
    let replayed = |millis| -> Vec<u16> {
        publisher.producer.replay_from_keyframe(at(millis), 0).map(|packet| packet.sequence as u16).collect()
    };
    assert_eq!(replayed(100), [4, 5, 6, 7, 8, 9]);
    assert_eq!(replayed(400), [], "too old");
    assert_eq!(publisher.producer.replay_from_keyframe(at(100), 1).count(), 0, "no such encoding");
}

#[test]
fn sender_reports_relate_timestamps_to_our_clock() {
    let wall = WallClock::new(1_700_000_000_000_000_000);
    let mut clock = SenderClock::default();
    let mut publisher = Publisher::video();
    let stream = publisher.media(at(0), &Sent::video(10, vp8(1, 1, true)).bytes()).stream;
    assert_eq!(publisher.producer.rtp_clock(stream), None);
    publisher.producer.on_sender_report(at(100), wall, SSRC, 0, 5_000, &mut clock);
    assert_eq!(publisher.producer.rtp_clock(stream), None, "a sender without a clock");
    publisher.producer.on_sender_report(at(100), wall, SSRC, 77 << 32, 5_000, &mut clock);
    let rtp_clock = publisher.producer.rtp_clock(stream).unwrap();
    assert_eq!(rtp_clock.rtp_at(wall.ntp(at(1_100))), 95_000);
    let mut report = None;
    publisher.producer.for_each_report_block(at(600), |block| report = Some(block));
    let report = report.unwrap();
    assert_eq!((report.last_sender_report, report.delay_since_last_sender_report), (77 << 16, 0x8000));
}

#[test]
fn levels_are_heard_unless_paused() {
    let mut publisher = Publisher::audio();
    publisher.media(at(0), &Sent::audio(1, vec![1; 80]).bytes());
    assert_eq!(publisher.producer.audio_level(at(10)), Some((30, true)));
    publisher.producer.set_paused(at(10), true);
    assert_eq!(publisher.producer.audio_level(at(10)), None);
}

#[test]
fn silence_is_reported_once_and_life_again() {
    let mut publisher = Publisher::audio();
    assert_eq!(publisher.producer.poll_timeout(), at(3_000));
    publisher.media(at(100), &Sent::audio(1, vec![1; 80]).bytes());
    assert_eq!(publisher.producer.poll_watchdog(at(100)), Some(Liveness::Live));
    assert_eq!(publisher.producer.poll_timeout(), at(3_100));
    assert_eq!(publisher.producer.poll_watchdog(at(3_100)), Some(Liveness::Stalled));
    assert_eq!(publisher.producer.poll_timeout(), Time::MAX);
}

#[test]
fn memory_goes_back() {
    let mut publisher = Publisher::video();
    for n in 0..100 {
        publisher.media(at(0), &Sent::video(n, vp8(n, 1, false)).bytes());
    }
    assert!(publisher.pool.in_use() > 0);
    publisher.producer.expire_history(at(10_000), &mut publisher.pool);
    assert_eq!(publisher.pool.in_use(), 0);
    publisher.media(at(10_000), &Sent::video(100, vp8(1, 1, false)).bytes());
    publisher.producer.release_history(&mut publisher.pool);
    assert_eq!(publisher.pool.in_use(), 0);
}

#[test]
fn impossible_parameters_are_refused() {
    let error = |change: fn(&mut ProducerParams)| {
        let mut params = video_params();
        change(&mut params);
        Producer::new(Time::ZERO, &params, STALL_TIMEOUT).err()
    };
    assert_eq!(error(|params| params.codecs.clear()), Some(ProducerError::NoCodec));
    assert_eq!(error(|params| params.codecs[0].payload_type = 128), Some(ProducerError::PayloadType(128)));
    assert_eq!(error(|params| params.codecs[0].clock_rate = 0), Some(ProducerError::ClockRate(VP8)));
    assert_eq!(error(|params| params.encodings.clear()), Some(ProducerError::Encodings(0)));
    let duplicate = error(|params| {
        let again = CodecParams { rtx_payload_type: None, ..params.codecs[0].clone() };
        params.codecs.push(again);
    });
    assert_eq!(duplicate, Some(ProducerError::DuplicatePayloadType(VP8)));
}
