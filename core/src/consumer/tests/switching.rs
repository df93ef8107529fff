//! Going over between encodings of one picture.

use super::*;
use crate::params::EncodingParams;

const LOW: u32 = 0x3333;
const MIDDLE: u32 = 0x4444;

/// What the timestamps of each encoding begin with, as publishers choose them by chance.
const STARTS: [(u32, u32); 3] = [(SSRC, 7_000), (LOW, 4_000_000_000), (MIDDLE, 123_456_789)];

fn simulcast() -> Call {
    let mut params_of_three = video_params();
    for ssrc in [LOW, MIDDLE] {
        params_of_three.encodings.push(EncodingParams { ssrc: Some(ssrc), ..Default::default() });
    }
    Call::new(Publisher::new(&params_of_three), &params(true), &[])
}

/// The picture taken `millis` after the start, in an encoding.
fn picture(ssrc: u32, n: u16, millis: u32, keyframe: bool) -> Sent {
    let start = STARTS.iter().find(|(of, _)| *of == ssrc).unwrap().1;
    let timestamp = start.wrapping_add(millis * 90);
    Sent { ssrc, timestamp, ..Sent::video(n, vp8(n, n as u8, keyframe)) }
}

/// The publisher's reports on all encodings, of the same instant.
fn report(call: &mut Call, clock: &mut SenderClock, millis: u64) {
    let wall = WallClock::new(1_700_000_000_000_000_000);
    for (at_once, (ssrc, start)) in STARTS.iter().enumerate() {
        let ntp = (500_u64 << 32) + (u64::from(millis as u32) << 32) / 1_000;
        let timestamp = start.wrapping_add(millis as u32 * 90);
        let came = at(millis + 3 * at_once as u64);
        call.publisher.producer.on_sender_report(came, wall, *ssrc, ntp, timestamp, clock);
    }
}

fn aligned(call: &mut Call, came: u64, sent: &Sent) -> Option<Got> {
    let bytes = sent.bytes();
    let packet = call.publisher.media(at(came), &bytes);
    if packet.keyframe {
        call.consumer.align(&packet, &call.publisher.producer);
    }
    let mut out = vec![0; packet.max_len()];
    let composed = call.consumer.forward(at(came), &packet, &mut out)?;
    Some(Got::read(&out, composed))
}

#[test]
fn another_encoding_takes_over_at_its_keyframe() {
    let mut params_of_two = video_params();
    let low = EncodingParams { ssrc: Some(LOW), ..Default::default() };
    params_of_two.encodings.push(low);
    let mut call = Call::new(Publisher::new(&params_of_two), &params(true), &[]);
    let of_low = |n, picture_id, keyframe| Sent { ssrc: LOW, ..Sent::video(n, vp8(picture_id, 9, keyframe)) };
    assert_eq!(call.send(0, &Sent::video(10, vp8(700, 20, true))).unwrap().sequence_number, 100);
    assert!(call.send(0, &of_low(900, 3, true)).is_none());
    call.consumer.want_encoding(1);
    assert!(call.consumer.needs_keyframe());
    assert_eq!(call.send(10, &Sent::video(11, vp8(701, 21, false))).unwrap().vp8(), (701, 21), "the old one goes on");
    assert!(call.send(10, &of_low(901, 4, false)).is_none());
    let switched = call.send(33, &of_low(902, 5, true)).unwrap();
    assert_eq!((switched.sequence_number, switched.vp8()), (102, (702, 22)));
    assert!(!call.consumer.needs_keyframe());
    assert!(call.send(40, &Sent::video(12, vp8(702, 22, false))).is_none());
    assert_eq!(call.send(66, &of_low(903, 6, false)).unwrap().vp8(), (703, 22));
}

#[test]
fn frame_numbers_go_on_over_another_encoding() {
    let mut params_of_two = video_params();
    params_of_two.encodings.push(EncodingParams { ssrc: Some(LOW), rid: Some("l".to_owned()), ..Default::default() });
    let mut call = Call::new(Publisher::new(&params_of_two), &params(true), &[(DESCRIPTOR_URI, 11)]);
    let described = |ssrc, n: u16, frame: u16, keyframe| {
        let [high, low] = frame.to_be_bytes();
        let extensions = vec![(6, vec![0xc5, high, low, 0x80, 7])];
        Sent { ssrc, extensions, ..Sent::video(n, vp8(n, 9, keyframe)) }
    };
    let first = call.send(0, &described(SSRC, 10, 65_534, true)).unwrap();
    assert_eq!(first.extensions, [(11, vec![0xc5, 0xff, 0xfe, 0x80, 7])]);
    call.send(10, &described(SSRC, 11, 65_535, false)).unwrap();
    call.consumer.want_encoding(1);
    let switched = call.send(33, &described(LOW, 902, 60_000, true)).unwrap();
    assert_eq!(switched.extensions, [(11, vec![0xc5, 0, 0, 0x80, 7])]);
    let second = call.send(66, &described(LOW, 903, 60_002, false)).unwrap();
    assert_eq!(second.extensions, [(11, vec![0xc5, 0, 2, 0x80, 7])]);
    // What is sent once more says the same.
    assert_eq!(call.nack(80, switched.sequence_number).unwrap().extensions, switched.extensions);
}

#[test]
fn time_goes_on_as_it_did_for_the_publisher() {
    let mut call = simulcast();
    let mut clock = SenderClock::default();
    report(&mut call, &mut clock, 0);
    let first = aligned(&mut call, 20, &picture(SSRC, 10, 0, true)).unwrap();
    call.consumer.want_encoding(1);
    // Taken 40 ms later, and 300 ms later on its way.
    let low = aligned(&mut call, 360, &picture(LOW, 900, 40, true)).unwrap();
    assert_eq!(low.timestamp.wrapping_sub(first.timestamp), 40 * 90);
    report(&mut call, &mut clock, 1_000);
    call.consumer.want_encoding(2);
    let middle = aligned(&mut call, 1_200, &picture(MIDDLE, 50, 1_100, true)).unwrap();
    assert_eq!(middle.timestamp.wrapping_sub(first.timestamp), 1_100 * 90);
}

#[test]
fn time_never_stands_still_nor_gains_by_switching() {
    let mut call = simulcast();
    let mut clock = SenderClock::default();
    report(&mut call, &mut clock, 0);
    let first = aligned(&mut call, 0, &picture(SSRC, 10, 0, true)).unwrap();
    let mut last = first.timestamp;
    for round in 1..100_u16 {
        let millis = u32::from(round) * 100;
        // The same picture once more, as the other encoding has it, and one in between.
        let (ssrc, encoding) = if round % 2 == 1 { (LOW, 1) } else { (SSRC, 0) };
        call.consumer.want_encoding(encoding);
        let same = picture(ssrc, 10 + 2 * round, millis - 100, true);
        let again = aligned(&mut call, u64::from(millis - 80), &same).unwrap();
        assert_eq!(again.timestamp, last.wrapping_add(1));
        let next = aligned(&mut call, u64::from(millis), &picture(ssrc, 11 + 2 * round, millis, false)).unwrap();
        last = next.timestamp;
        assert_eq!(last.wrapping_sub(first.timestamp), millis * 90 + u32::from(round), "a tick for each picture more");
    }
    call.consumer.want_encoding(2);
    let other = aligned(&mut call, 9_950, &picture(MIDDLE, 50, 9_933, true)).unwrap();
    assert_eq!(other.timestamp.wrapping_sub(first.timestamp), 9_933 * 90);
}

#[test]
fn time_passes_as_it_did_here_where_reports_are_missing_or_wrong() {
    let mut call = simulcast();
    let first = aligned(&mut call, 0, &picture(SSRC, 10, 0, true)).unwrap();
    call.consumer.want_encoding(1);
    let low = aligned(&mut call, 50, &picture(LOW, 900, 40, true)).unwrap();
    assert_eq!(low.timestamp.wrapping_sub(first.timestamp), 50 * 90);
    let mut clock = SenderClock::default();
    report(&mut call, &mut clock, 0);
    // A report that places the picture an hour ahead.
    let wall = WallClock::new(1_700_000_000_000_000_000);
    let timestamp = STARTS[2].1.wrapping_sub(3_600 * 90_000);
    call.publisher.producer.on_sender_report(at(60), wall, MIDDLE, 500 << 32, timestamp, &mut clock);
    call.consumer.want_encoding(2);
    let middle = aligned(&mut call, 150, &picture(MIDDLE, 50, 140, true)).unwrap();
    assert_eq!(middle.timestamp.wrapping_sub(low.timestamp), 100 * 90);
}
