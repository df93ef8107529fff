//! What a receiver asks for again.

use super::*;

#[test]
fn a_replay_never_repeats_what_was_sent() {
    let mut call = Call::video();
    for n in 10..15 {
        call.send(u64::from(n), &Sent::video(n, vp8(n, 1, n == 12)));
    }
    call.consumer.set_paused(true);
    call.consumer.set_paused(false);
    let mut out = [0; 1_500];
    for packet in call.publisher.producer.replay_from_keyframe(at(50), 0) {
        assert_eq!(call.consumer.forward(at(50), &packet, &mut out), None);
    }
    assert!(call.consumer.needs_keyframe());
}

#[test]
fn lost_packets_are_sent_again_by_rtx() {
    let mut call = Call::new(Publisher::video(), &params(true), &[(MID_URI, 9), (TWCC_URI, 5)]);
    let sent: Vec<Got> = (10..15).map(|n| call.send(0, &Sent::video(n, vp8(n, 1, n == 10))).unwrap()).collect();
    let again = call.nack(50, 102).unwrap();
    assert_eq!((again.ssrc, again.payload_type, again.sequence_number), (OWN_RTX_SSRC, 121, 7));
    assert_eq!((again.timestamp, again.marker), (sent[2].timestamp, sent[2].marker));
    assert_eq!(again.payload, [&102_u16.to_be_bytes()[..], &sent[2].payload].concat());
    assert_eq!(again.extensions, [(9, b"m7".to_vec()), (5, 505_u16.to_be_bytes().to_vec())]);
    assert!(call.nack(60, 102).is_none(), "asked again at once");
    assert_eq!(call.nack(60, 103).unwrap().sequence_number, 8);
    assert!(call.nack(60, 105).is_none(), "never sent");
    assert!(call.nack(60, 99).is_none(), "before the first");
    assert!(call.nack(5_000, 104).is_none(), "too old");
    let stats = call.consumer.stats(at(5_000), 1, 2);
    assert_eq!((stats.nacks_received, stats.nacks_missed, stats.retransmissions), (6, 3, 2));
}

#[test]
fn without_rtx_the_same_packet_is_sent_to_the_last_bit() {
    for send in [&[(MID_URI, 9)][..], &[(MID_URI, 9), (TWCC_URI, 5), (ABS_SEND_TIME_URI, 6)]] {
        let mut call = Call::new(Publisher::video(), &params(false), send);
        let sent: Vec<Got> = (10..15).map(|n| call.send(0, &Sent::video(n, vp8(n, 1, n == 10))).unwrap()).collect();
        let resend = call.consumer.on_nack(at(50), 102, &call.publisher.producer).unwrap();
        assert!(resend.is_plain());
        assert_eq!(call.nack(150, 102).unwrap().bytes, sent[2].bytes);
    }
}

#[test]
fn without_rtx_nothing_is_sent_again_that_would_look_different() {
    for (before, after) in [
        (&[][..], &[(MID_URI, 9)][..]),
        (&[(MID_URI, 9)][..], &[(MID_URI, 3)][..]),
        (&[(MID_URI, 9), (TWCC_URI, 5)][..], &[(MID_URI, 9)][..]),
        (&[(MID_URI, 9)][..], &[(MID_URI, 9), (TWCC_URI, 5)][..]),
    ] {
        let mut call = Call::new(Publisher::video(), &params(false), before);
        for n in 10..15 {
            call.send(0, &Sent::video(n, vp8(n, 1, n == 10)));
        }
        call.consumer.set_extensions(&call.publisher.extensions, &extension_map(after));
        assert!(call.nack(50, 102).is_none());
        let sent = call.send(60, &Sent::video(15, vp8(15, 1, false))).unwrap();
        assert_eq!(call.nack(150, 105).unwrap().bytes, sent.bytes, "what was sent since");
    }
}

#[test]
fn packets_from_before_a_switch_can_still_be_asked_for() {
    let mut call = Call::video();
    let before = call.send(0, &Sent::video(10, vp8(700, 20, true))).unwrap();
    call.consumer.set_paused(true);
    assert!(call.nack(10, 100).is_none(), "nothing is sent while paused");
    call.consumer.set_paused(false);
    call.send(100, &Sent::video(20, vp8(900, 40, true)));
    let again = call.nack(110, 100).unwrap();
    assert_eq!(again.payload[2..], before.payload);
    assert_eq!(again.timestamp, before.timestamp);
}
