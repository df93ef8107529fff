//! A call over a line of 300 kbit/s, whose far end tells what arrives: probes, retransmissions, outages.

mod common;

use std::time::Duration;

use _core::command::Command;
use _core::event::Event;
use _core::packet::rtcp::{Packet, packets};

use common::call::{AUDIO, Call, RTX, VIDEO, of};
use common::viewer::{Departure, Line};

/// A call over a line of so many kbit/s with 20 ms of delay each way.
fn call(kbps: u64) -> Call {
    let mut call = Call::new(300_000);
    call.viewer.line = Line::new(kbps, 20);
    call.viewer.tells = true;
    call
}

fn estimates(call: &mut Call) -> Vec<u64> {
    let told = call.sim.take_events().into_iter().filter_map(|event| match event {
        Event::Estimate { transport_id: 20, bitrate, .. } => Some(bitrate),
        _ => None,
    });
    told.collect()
}

/// What was told, and whether the line was seen to carry no more.
fn limits(call: &mut Call) -> Vec<(u64, bool)> {
    let told = call.sim.take_events().into_iter().filter_map(|event| match event {
        Event::Estimate { transport_id: 20, bitrate, limit_seen, .. } => Some((bitrate, limit_seen)),
        _ => None,
    });
    told.collect()
}

/// How long packets waited for others on the line at the 95th percentile.
fn wait_on_line(departures: &[Departure], line: &Line) -> Duration {
    let own = |departure: &Departure| line.delay + line.time_for(departure.size);
    let mut waits: Vec<Duration> = departures.iter().filter_map(|d| Some(d.arrival?.since(d.at + own(d)))).collect();
    waits.sort_unstable();
    waits[waits.len() * 95 / 100]
}

#[test]
fn keyframes_on_a_thin_line_build_no_queue_there() {
    let mut call = call(300);
    call.demand(250_000);
    call.frame(true, 8);
    call.talk(3_000, 15, 1);
    call.viewer.take_departures();
    for _ in 0..5 {
        call.frame(true, 15);
        call.talk(3_000, 15, 1);
    }
    let left = call.viewer.take_departures();
    let wait = wait_on_line(&left, &call.viewer.line);
    assert!(wait < Duration::from_millis(80), "{wait:?}");
    assert_eq!(call.viewer.missing(VIDEO), 0);
    let stats = call.stats();
    assert_eq!(stats.pacer_dropped, 0, "all of it fits");
}

#[test]
fn the_first_picture_is_no_queue_and_tells_what_the_line_carries() {
    let mut call = call(300);
    call.demand(1_000_000);
    call.frame(true, 12);
    call.talk(500, 0, 0);
    let left = call.viewer.take_departures();
    let (video, line) = (of(&left, VIDEO), call.viewer.line);
    assert!(video.iter().all(|departure| departure.arrival.is_some()) && video.len() == 12);
    let wait = wait_on_line(&left, &line);
    // At once it were 350 ms.
    assert!(wait < Duration::from_millis(150), "{wait:?}");
    let told = limits(&mut call);
    assert!(!told[0].1 && told.iter().any(|(bitrate, seen)| *seen && *bitrate < 330_000), "{told:?}");
}

#[test]
fn no_limit_is_seen_of_a_line_that_carries_more_than_is_wanted() {
    let mut call = call(20_000);
    call.demand(1_000_000);
    call.frame(true, 12);
    call.talk(3_000, 15, 2);
    let told = limits(&mut call);
    assert!(!told.is_empty() && told.iter().all(|(_, seen)| !seen), "{told:?}");
}

#[test]
fn a_large_keyframe_is_sent_whole_and_what_waits_behind_it_as_well() {
    let mut call = call(300);
    call.demand(250_000);
    call.frame(true, 8);
    call.talk(3_000, 15, 1);
    call.viewer.take_departures();
    // Over a second of the line.
    call.frame(true, 35);
    call.talk(4_000, 10, 1);
    let left = call.viewer.take_departures();
    let frames = of(&left, VIDEO).iter().filter(|departure| departure.marker).count();
    assert_eq!((frames, call.stats().pacer_dropped), (41, 0));
    assert_eq!(call.keyframes_asked_for(), 0);
}

#[test]
fn a_wider_line_is_found_by_probes_in_the_stream_of_retransmissions() {
    let mut call = call(3_000);
    call.demand(2_000_000);
    call.frame(true, 4);
    call.talk(5_000, 15, 1);
    let told = estimates(&mut call);
    assert!(*told.last().unwrap() > 1_500_000, "{told:?}");
    assert!(told.len() <= 52, "at most ten a second and the falls: {told:?}");
    let left = call.viewer.take_departures();
    let probes = of(&left, RTX);
    assert!(!probes.is_empty());
    for probe in &probes {
        assert_eq!(probe.payload_type, 101);
        if let Some((original, payload)) = probe.payload.split_first_chunk::<2>() {
            let original = u16::from_be_bytes(*original);
            let sent = of(&left, VIDEO).into_iter().find(|sent| sent.sequence_number == original).unwrap();
            assert_eq!(sent.payload, payload, "what was sent before");
        }
    }
    let stats = call.stats();
    assert_eq!(stats.probe_bytes, probes.iter().map(|probe| probe.size as u64).sum::<u64>());
    assert_eq!(stats.estimate, Some(*told.last().unwrap()));
    let numbers: Vec<u16> = probes.iter().map(|probe| probe.sequence_number).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
}

#[test]
fn a_line_is_probed_by_padding_while_everything_is_paused() {
    let mut call = call(3_000);
    call.talk(300, 0, 0);
    call.viewer.take_departures();
    call.sim.command(Command::PauseConsumer { consumer_id: 200, paused: true });
    call.sim.command(Command::PauseConsumer { consumer_id: 201, paused: true });
    call.demand(0);
    call.talk(500, 0, 0);
    let demand = _core::params::TransportDemand { allocated: 0, desired: 1_000_000 };
    call.sim.command(Command::SetTransportDemand { transport_id: 20, demand });
    call.talk(12_000, 0, 0);
    let left = call.viewer.take_departures();
    assert!(!left.is_empty());
    assert!(left.iter().all(|probe| probe.ssrc == RTX && probe.payload.is_empty()));
    let told = estimates(&mut call);
    assert!(*told.last().unwrap() > 900_000, "{told:?}");
}

#[test]
fn retransmissions_have_a_share_of_the_line_and_are_not_sent_too_late() {
    let mut call = call(300);
    call.demand(250_000);
    call.frame(true, 4);
    call.talk(2_000, 15, 1);
    call.viewer.take_departures();
    call.stats();
    // A receiver that asks for everything, again and again.
    let begun = call.sim.now;
    for _ in 0..40 {
        call.talk(100, 15, 1);
        let last = call.viewer.last_sequence(VIDEO);
        call.viewer.client.send_rtcp(&mut call.sim, |writer| {
            writer.nack(1, VIDEO, (0..30).map(|n| last.wrapping_sub(n))).unwrap();
        });
    }
    let elapsed = call.sim.now.since(begun);
    let left = call.viewer.take_departures();
    let again: u64 = of(&left, RTX).iter().map(|again| again.size as u64).sum();
    let share = again * 8 * 1_000 / elapsed.as_millis() as u64;
    assert!(share > 30_000 && share <= 130_000, "{share} bit/s");
    assert!(call.stats().retransmission_dropped > 0, "some of them two seconds old");
    assert_eq!(of(&left, AUDIO).len(), 200, "sound goes on");
    assert_eq!(call.viewer.missing(VIDEO), 0, "so does the picture");
}

#[test]
fn nothing_stale_is_sent_after_an_outage_and_the_picture_is_back_by_a_keyframe() {
    let mut call = call(300);
    call.demand(250_000);
    call.frame(true, 4);
    call.talk(3_000, 15, 1);
    call.viewer.take_departures();
    call.viewer.line.is_out = true;
    call.talk(1_600, 15, 1);
    call.viewer.take_departures();
    call.keyframes_asked_for();
    call.talk(8_400, 15, 1);
    let during = call.viewer.take_departures();
    assert!(of(&during, VIDEO).is_empty(), "a picture that nobody gets");
    assert!(of(&during, AUDIO).len() >= 400, "sound finds out when the line is back");
    assert_eq!(call.keyframes_asked_for(), 0, "nobody could use one");
    assert_eq!(call.stats().pacer_queue_packets, 0);

    call.viewer.line.is_out = false;
    let back = call.sim.now;
    let mut waited = 0;
    while call.keyframes_asked_for() == 0 {
        call.talk(20, 15, 1);
        waited += 20;
        assert!(waited <= 300, "a keyframe is asked for as soon as the line is heard to be back");
    }
    let begun = call.camera.frames;
    call.frame(true, 4);
    call.talk(1_000, 15, 1);
    let after = call.viewer.take_departures();
    let video = of(&after, VIDEO);
    assert_eq!((video[0].frame, video[0].keyframe), (begun + 1, true), "nothing from before");
    let whole = video.iter().find(|departure| departure.marker).and_then(|last| last.arrival).unwrap();
    assert!(whole.since(back) < Duration::from_millis(1_000), "{:?}", whole.since(back));
    assert_eq!(call.viewer.missing(VIDEO), 0);
}

#[test]
fn without_sound_signs_of_life_find_out_when_the_line_is_back() {
    let mut call = call(300);
    call.sim.command(Command::PauseConsumer { consumer_id: 201, paused: true });
    call.demand(250_000);
    call.frame(true, 4);
    call.talk(3_000, 15, 1);
    call.viewer.line.is_out = true;
    call.talk(2_000, 15, 1);
    call.viewer.take_departures();
    call.talk(5_000, 15, 1);
    let during = call.viewer.take_departures();
    assert!(during.iter().all(|sign| sign.ssrc == RTX && sign.payload.is_empty() && sign.size <= 80));
    assert!((20..=30).contains(&during.len()), "{}", during.len());
    call.viewer.line.is_out = false;
    call.keyframes_asked_for();
    call.talk(500, 15, 1);
    assert!(call.keyframes_asked_for() > 0);
}

#[test]
fn an_idle_transport_costs_nothing() {
    let mut call = call(300);
    call.demand(0);
    call.talk(1_000, 0, 0);
    call.sim.command(Command::PauseConsumer { consumer_id: 200, paused: true });
    call.sim.command(Command::PauseConsumer { consumer_id: 201, paused: true });
    for _ in 0..100 {
        call.sim.run_ms(100);
        call.viewer.receive(&mut call.sim);
    }
    call.viewer.take_departures();
    let mut wake_ups = 0;
    let until = call.sim.now + Duration::from_secs(10);
    while call.sim.engine.poll_timeout() <= until {
        call.sim.now = call.sim.now.max(call.sim.engine.poll_timeout());
        call.sim.engine.handle_timeout(call.sim.now);
        call.sim.drain();
        wake_ups += 1;
    }
    // Reports of two transports once a second, and consent.
    assert!(wake_ups <= 60, "{wake_ups}");
    let sent = call.viewer.client.received(&mut call.sim);
    let told =
        sent.rtcp.iter().flat_map(|compound| packets(compound)).filter(|packet| matches!(packet, Ok(Packet::Pli(_))));
    assert_eq!((sent.rtp.len(), told.count()), (0, 0));
}
