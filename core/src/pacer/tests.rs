//! When packets leave, wait, and are dropped.

use super::*;
use crate::event::EstimateSource;

fn estimate(kbps: u64) -> Estimate {
    let (round_trip, queue_delay) = (None, None);
    let (bitrate, source) = (Bitrate::kbps(kbps), EstimateSource::Start);
    Estimate {
        bitrate,
        lasting: bitrate,
        source,
        proven: true,
        limit: None,
        round_trip,
        fraction_lost: 0.0,
        chance_lost: 0.0,
        queue_delay,
    }
}

#[test]
fn padding_is_waited_out_where_the_limit_of_the_line_is_known() {
    let now = Time::from_millis(1_000);
    for limit in [None, Some(Bitrate::kbps(80))] {
        let mut pacer = Pacer::default();
        pacer.set_estimate(now, &Estimate { limit, ..estimate(80) });
        pacer.start_probe(now, &Probe { id: 1, bitrate: Bitrate::kbps(800), bytes: 1_000, packets: 1 });
        pacer.spend_padding(now, 1_000);
        assert_eq!(pacer.probe_id(), None, "it was all of the probe");
        assert_eq!(pacer.has_room(now), limit.is_none());
        assert!(pacer.has_room(now + Duration::from_millis(100)), "it takes that long");
    }
}

#[test]
fn without_a_rate_everything_leaves_at_once() {
    let mut pacer = Pacer::default();
    for _ in 0..1_000 {
        assert!(pacer.is_open(Time::ZERO));
        pacer.spend(Time::ZERO, 1_200);
    }
    assert_eq!(pacer.poll_timeout(), Time::MAX);
}

#[test]
fn a_guess_that_nobody_confirms_holds_nothing_back_after_two_seconds() {
    let start = Time::from_millis(1_000);
    let mut pacer = Pacer::default();
    let guess = Estimate { proven: false, ..estimate(300) };
    pacer.set_estimate(start, &guess);
    pacer.spend(start, 2_000);
    assert!(pacer.paces() && !pacer.knows() && !pacer.is_open(start));
    let mute = start + Duration::from_secs(2);
    assert_eq!(pacer.poll_timeout(), mute);
    pacer.spend(mute, 2_000);
    pacer.tidy(mute);
    pacer.set_estimate(mute, &guess);
    assert!(!pacer.paces() && pacer.is_open(mute));
    assert_eq!(pacer.poll_timeout(), Time::MAX);
    pacer.set_estimate(mute, &estimate(300));
    assert!(pacer.paces() && pacer.knows());
}

#[test]
fn a_probe_opens_the_pacer_at_its_rate_and_leaves_no_debt() {
    let now = Time::from_millis(1_000);
    let mut pacer = Pacer::default();
    pacer.set_estimate(now, &estimate(300));
    pacer.spend(now, 2_000);
    assert!(!pacer.is_open(now));
    let room_at = pacer.room_at;
    pacer.start_probe(now, &Probe { id: 3, bitrate: Bitrate::kbps(900), bytes: 2_000, packets: 2 });
    assert_eq!((pacer.probe_id(), pacer.is_open(now), pacer.poll_timeout()), (Some(3), true, now));
    pacer.spend_padding(now, 1_000);
    assert!(!pacer.is_open(now));
    let later = now + Duration::from_millis(10);
    pacer.spend_padding(later, 1_000);
    assert_eq!((pacer.probe_id(), pacer.counters.probe_bytes), (None, 2_000));
    assert_eq!(pacer.room_at, room_at);
    assert_eq!(pacer.poll_timeout(), Time::MAX);
}

#[test]
fn retransmissions_have_their_share_and_no_more() {
    let mut pacer = Pacer::default();
    pacer.set_estimate(Time::from_millis(1_000), &estimate(300));
    let mut bytes = 0;
    for millis in (1_000..6_000).step_by(5) {
        let now = Time::from_millis(millis);
        pacer.hold_resend(AskedAgain { consumer: 1, sequence_number: millis as u16 });
        while pacer.may_resend(now) && pacer.next_resend(now).is_some() {
            pacer.spend(now, 1_000);
            pacer.spend_resend(now, 1_000);
            bytes += 1_000;
        }
    }
    let share = Bitrate::kbps(100).bytes_in(Duration::from_millis(5_600)) as usize;
    assert!(bytes <= share + 1_000 && bytes + 2_000 >= share, "{bytes} of {share}");
}
