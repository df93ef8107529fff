//! Going over from one producer to another.

use super::*;

const OTHER: u8 = 102;

/// A publisher of another codec numbering than the first, whose timestamps begin elsewhere.
fn other() -> Publisher {
    let mut params = video_params();
    params.codecs = vec![codec(OTHER, "VP8", 90_000, &["nack", "nack pli"])];
    Publisher::new(&params)
}

fn mapping(producer_payload_type: u8, payload_type: u8) -> Vec<PayloadTypeMapping> {
    vec![PayloadTypeMapping { producer_payload_type, payload_type, rtx_payload_type: Some(121) }]
}

fn picture(n: u16, timestamp: u32, keyframe: bool) -> Sent {
    Sent { payload_type: OTHER, timestamp, ..Sent::video(n, vp8(n, n as u8, keyframe)) }
}

/// Hands the call over to `to` with this packet, which comes so late.
fn hand_over(call: &mut Call, mut to: Publisher, came: u64, first: &Sent) -> Publisher {
    let bytes = first.bytes();
    let packet = to.media(at(came), &bytes);
    let payload_types = call.consumer.plan_handover(&mapping(OTHER, 120), &to.producer).unwrap();
    let alignment = call.consumer.align_between(&packet, &call.publisher.producer, &to.producer);
    call.consumer.hand_over(payload_types, 0, alignment);
    std::mem::replace(&mut call.publisher, to)
}

fn forward(call: &mut Call, came: u64, sent: &Sent) -> Option<Got> {
    let bytes = sent.bytes();
    let packet = call.publisher.media(at(came), &bytes);
    call.consumer.align(&packet, &call.publisher.producer);
    let mut out = vec![0; packet.max_len()];
    let composed = call.consumer.forward(at(came), &packet, &mut out)?;
    Some(Got::read(&out, composed))
}

/// The first picture of the other producer again: it was taken in by [`hand_over`], and is forwarded now.
fn replay(call: &mut Call, now: u64) -> Vec<Got> {
    let mut got = Vec::new();
    for packet in call.publisher.producer.replay_from_keyframe(at(now), 0) {
        call.consumer.align(&packet, &call.publisher.producer);
        let mut out = vec![0; packet.max_len()];
        let composed = call.consumer.forward(at(now), &packet, &mut out).unwrap();
        got.push(Got::read(&out, composed));
    }
    got
}

fn report(publisher: &mut Publisher, came: u64, taken: u64, timestamp: u32) {
    let wall = WallClock::new(1_700_000_000_000_000_000);
    // Both senders' clocks are right: of the same host, or told by the network.
    let ntp = wall.ntp(at(taken));
    publisher.producer.on_sender_report(at(came), wall, SSRC, ntp, timestamp, &mut SenderClock::default());
}

#[test]
fn numbers_go_on_and_payload_types_are_translated_anew() {
    let mut call = Call::video();
    let before = call.send(0, &Sent::video(10, vp8(0x7ffe, 254, true))).unwrap();
    call.send(33, &Sent::video(11, vp8(0x7fff, 255, false))).unwrap();
    hand_over(&mut call, other(), 66, &picture(40_000, 5, true));
    assert!(!call.consumer.is_sending());
    let first = replay(&mut call, 66).remove(0);
    assert_eq!((first.ssrc, first.payload_type), (OWN_SSRC, before.payload_type));
    assert_eq!((first.sequence_number, first.vp8()), (102, (0, 0)));
    assert_eq!(first.timestamp.wrapping_sub(before.timestamp), 3_000 + 33 * 90);
    let second = forward(&mut call, 100, &picture(40_001, 3_005, false)).unwrap();
    assert_eq!((second.sequence_number, second.vp8()), (103, (1, 1)));
    assert_eq!(second.timestamp.wrapping_sub(first.timestamp), 3_000);
}

#[test]
fn nothing_of_the_producer_before_is_sent_again() {
    let mut call = Call::video();
    for n in 10..13 {
        call.send(0, &Sent::video(n, vp8(n, 1, n == 10))).unwrap();
    }
    // The same numbers within the other producer's stream.
    hand_over(&mut call, other(), 10, &picture(10, 5, true));
    replay(&mut call, 10);
    let after = forward(&mut call, 10, &picture(11, 3_005, false)).unwrap();
    assert!((100..103).all(|number| call.nack(50, number).is_none()));
    let again = call.nack(50, after.sequence_number).unwrap();
    assert_eq!((again.ssrc, again.payload_type), (OWN_RTX_SSRC, 121));
    assert_eq!(again.payload, [&after.sequence_number.to_be_bytes()[..], &after.payload].concat());
}

#[test]
fn time_goes_on_as_the_senders_tell_and_reports_of_the_other_agree() {
    let wall = WallClock::new(1_700_000_000_000_000_000);
    let mut call = Call::video();
    report(&mut call.publisher, 1_000, 1_000, 1_000_000);
    let taken = |millis: u32| 1_000_000 + millis * 90;
    let first = forward(&mut call, 1_010, &Sent { timestamp: taken(0), ..Sent::video(10, vp8(1, 1, true)) }).unwrap();
    // Taken 500 ms after that, and made again: it comes 150 ms late.
    let mut leg = other();
    let start: u32 = 4_000_000_000;
    report(&mut leg, 1_500, 1_500, start);
    hand_over(&mut call, leg, 1_650, &picture(40_000, start, true));
    let made = replay(&mut call, 1_650).remove(0);
    assert_eq!(made.timestamp.wrapping_sub(first.timestamp), 500 * 90);
    let info = call.consumer.sender_info(at(2_000), wall, &call.publisher.producer).unwrap();
    let sound = first.timestamp.wrapping_add(1_000 * 90);
    assert_eq!(info.rtp_timestamp, sound, "what was taken when the report left, in the stream's time");
}

#[test]
fn time_never_stands_still_over_a_producer_that_is_late() {
    let mut call = Call::video();
    report(&mut call.publisher, 1_000, 1_000, 1_000_000);
    let first = Sent { timestamp: 1_000_000 + 600 * 90, ..Sent::video(10, vp8(1, 1, true)) };
    let first = forward(&mut call, 1_610, &first).unwrap();
    let mut leg = other();
    report(&mut leg, 1_500, 1_500, 70);
    hand_over(&mut call, leg, 1_650, &picture(40_000, 70, true));
    let made = replay(&mut call, 1_650).remove(0);
    assert_eq!(made.timestamp, first.timestamp.wrapping_add(1), "taken a tenth of a second before that");
    let next = forward(&mut call, 1_750, &picture(40_001, 70 + 200 * 90, false)).unwrap();
    assert_eq!(next.timestamp, made.timestamp.wrapping_add(200 * 90));
}

#[test]
fn only_video_of_the_same_codec_takes_over() {
    let call = Call::video();
    let plan = |mappings: &[PayloadTypeMapping], to: &Publisher| {
        call.consumer.plan_handover(mappings, &to.producer).err().map(|error| error.to_string())
    };
    assert_eq!(plan(&mapping(OTHER, 120), &other()), None);
    assert_eq!(plan(&mapping(OPUS, 100), &Publisher::audio()).unwrap(), "it is not of video");
    assert_eq!(plan(&[], &other()).unwrap(), "payload_types is empty");
    let differs = |producer, receiver| {
        format!("the receiver's payload type {receiver} is not the codec of the producer's payload type {producer}")
    };
    assert_eq!(plan(&mapping(OTHER, 119), &other()).unwrap(), differs(OTHER, 119), "never negotiated");
    assert_eq!(plan(&mapping(VP8, 120), &other()).unwrap(), differs(VP8, 120), "of which there is none");
    let mut params = video_params();
    params.codecs = vec![codec(OTHER, "H264", 90_000, &["nack"])];
    assert_eq!(plan(&mapping(OTHER, 120), &Publisher::new(&params)).unwrap(), differs(OTHER, 120));
}
