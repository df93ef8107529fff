//! What leaves for a thin line, and when: the whole engine in virtual time, with a receiver that tells what arrives.

mod common;

use std::time::Duration;

use _core::bitrate::Bitrate;
use _core::command::Command;
use _core::estimator::{Estimator, EstimatorConfig};
use _core::pacer::pacing_rate;
use _core::time::Time;

use common::call::{AUDIO, Call, VIDEO, of};
use common::media;
use common::viewer::{Departure, Viewer};
use common::{Client, Sim};

/// The most bytes that left within any `window`, in bit/s.
fn peak_rate(departures: &[Departure], window: Duration) -> u64 {
    let bytes_from = |start: Time| -> usize {
        let within = departures.iter().filter(|departure| departure.at >= start && departure.at < start + window);
        within.map(|departure| departure.size).sum()
    };
    let most = departures.iter().map(|departure| bytes_from(departure.at)).max().unwrap_or(0);
    (most * 8) as u64 * 1_000 / window.as_millis() as u64
}

#[test]
fn a_keyframe_leaves_at_the_pace_of_the_line_and_the_sound_does_not_wait_for_it() {
    let mut call = Call::new(300_000);
    call.frame(true, 60);
    call.talk(2_000, 0, 0);
    let left = call.viewer.take_departures();
    let (video, audio) = (of(&left, VIDEO), of(&left, AUDIO));
    assert_eq!((video.len(), audio.len()), (60, 100));
    let numbers: Vec<u16> = video.iter().map(|departure| departure.sequence_number).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "{numbers:?}");
    let took = video[59].at.since(video[0].at).as_millis();
    assert!((1_500..1_900).contains(&took), "63 kB at 330 kbit/s less the sound took {took} ms");
    for (n, departure) in audio.iter().enumerate() {
        assert_eq!(departure.at, audio[0].at + Duration::from_millis(20 * n as u64), "sound leaves as it comes");
    }
    let peak = peak_rate(&left, Duration::from_millis(200));
    assert!(peak <= 420_000, "{peak} bit/s");
}

#[test]
fn before_anybody_has_decided_what_fits_everything_leaves_at_once() {
    let mut sim = Sim::new();
    let mut publisher = Client::connect(&mut sim, 1, 10);
    let mut viewer = Viewer::connect(&mut sim, 1, 20, 300_000);
    sim.command(Command::CreateProducer { producer_id: 100, params: media::video_params(10, Some(5_000)) });
    sim.command(Command::CreateConsumer { consumer_id: 200, params: media::video_consumer(20, 100, VIDEO) });
    for packet in media::Camera::new(5_000).large_frame(true, 60, 1_000) {
        publisher.send_rtp(&mut sim, &packet);
    }
    viewer.receive(&mut sim);
    assert_eq!(viewer.take_departures().len(), 60);
}

#[test]
fn a_receiver_that_never_tells_what_arrives_is_held_back_for_no_longer_than_two_seconds() {
    let mut call = Call::new(300_000);
    call.frame(true, 20);
    call.talk(100, 0, 0);
    assert!(of(&call.viewer.take_departures(), VIDEO).len() < 10, "it may tell yet");
    call.talk(2_000, 0, 0);
    call.viewer.take_departures();
    call.frame(true, 60);
    call.talk(5, 0, 0);
    assert_eq!(of(&call.viewer.take_departures(), VIDEO).len(), 60);
}

#[test]
fn what_does_not_fit_is_dropped_by_whole_frames_and_leaves_no_hole() {
    let mut call = Call::new(300_000);
    call.frame(true, 4);
    // A megabit of video for a line of 300 kbit/s.
    call.talk(3_000, 30, 4);
    assert!(call.keyframes_asked_for() > 0);
    let stats = call.stats();
    assert!(stats.pacer_dropped > 0);
    assert!(stats.pacer_queue_ms <= 1_000, "{} ms", stats.pacer_queue_ms);
    call.talk(1_000, 0, 0);
    assert_eq!(call.stats().pacer_queue_packets, 0);
    call.keyframes_asked_for();
    call.sim.run_ms(600);
    call.frame(true, 4);
    call.talk(300, 0, 0);

    let left = call.viewer.take_departures();
    let video = of(&left, VIDEO);
    assert!(video.windows(2).all(|pair| pair[1].sequence_number == pair[0].sequence_number.wrapping_add(1)));
    for (n, pair) in video.windows(2).enumerate() {
        assert!(pair[0].marker || pair[0].timestamp == pair[1].timestamp, "frame {n} was cut");
    }
    // Within a run each frame follows the one before: what was left out ends at a keyframe.
    for pair in video.windows(2).filter(|pair| pair[0].timestamp != pair[1].timestamp) {
        let followed = pair[1].frame == pair[0].frame + 1;
        assert!(followed || pair[1].keyframe, "frame {} after {}", pair[1].frame, pair[0].frame);
    }
    assert!(video.last().unwrap().marker && call.viewer.missing(VIDEO) == 0);
}

#[test]
fn a_new_keyframe_takes_the_place_of_what_waits() {
    let mut call = Call::new(300_000);
    call.frame(true, 4);
    for _ in 0..10 {
        call.frame(false, 3);
    }
    call.talk(20, 0, 0);
    call.frame(true, 6);
    call.talk(1_000, 0, 0);
    let left = call.viewer.take_departures();
    let video = of(&left, VIDEO);
    let frames: Vec<u32> = video.iter().filter(|departure| departure.marker).map(|departure| departure.frame).collect();
    assert_eq!(frames.first(), Some(&1));
    assert_eq!(frames.last(), Some(&12));
    assert!(frames.len() <= 3, "{frames:?}");
    assert!(video.windows(2).all(|pair| pair[1].sequence_number == pair[0].sequence_number.wrapping_add(1)));
}

#[test]
fn the_important_picture_goes_first_and_many_keyframes_at_once_are_no_burst() {
    let mut call = Call::new(2_000_000);
    let mut cameras = Vec::new();
    for n in 0..100_u32 {
        let producer_id = 1_000 + u64::from(n);
        let mut params = media::video_params(10, Some(20_000 + n * 2));
        params.mid = Some(format!("v{n}"));
        params.encodings[0].rtx_ssrc = Some(20_000 + n * 2 + 1);
        if n < 60 {
            call.sim.command(Command::CreateProducer { producer_id, params });
            let params = media::video_consumer(20, producer_id, 30_000 + n * 2);
            call.sim.command(Command::CreateConsumer { consumer_id: 2_000 + u64::from(n), params });
            cameras.push(media::Camera::new(20_000 + n * 2));
        }
    }
    call.sim.assert_no_failure();
    for camera in &mut cameras {
        for packet in camera.large_frame(true, 4, 1_000) {
            call.publisher.send_rtp(&mut call.sim, &packet);
        }
    }
    call.talk(1_500, 0, 0);
    let left = call.viewer.take_departures();
    let video = left.iter().filter(|departure| departure.ssrc >= 30_000).count();
    assert_eq!(video, 60 * 4);
    let known = EstimatorConfig { start: Bitrate::kbps(2_000), ..EstimatorConfig::default() };
    let pace = pacing_rate(&Estimator::new(known).estimate()).as_bps();
    let peak = peak_rate(&left, Duration::from_millis(100));
    assert!(peak <= pace * 5 / 4, "{peak} of {pace} bit/s");
}

#[test]
fn the_extensions_of_a_packet_that_waited_tell_when_it_left() {
    let mut call = Call::new(300_000);
    call.frame(true, 20);
    call.talk(600, 0, 0);
    let left = call.viewer.take_departures();
    assert!(left.len() > 40);
    for (n, pair) in left.windows(2).enumerate() {
        assert_eq!(pair[1].transport_sequence, pair[0].transport_sequence.wrapping_add(1), "{n}");
        assert!(pair[1].at >= pair[0].at);
    }
}
