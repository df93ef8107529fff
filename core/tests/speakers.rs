//! Sound through the engine: who is forwarded, who is shown, and what is repeated on a bad line.

mod common;

use std::time::Duration;

use _core::codec::red;
use _core::command::Command;
use _core::event::Event;
use _core::packet::rtp::{Fields, RtpPacket};
use _core::params::{ConsumerParams, PayloadTypeMapping, SpeakerSelection};

use common::client::Received;
use common::media::{self, OPUS};
use common::{Client, Sim};

const QUIET: u8 = 90;
/// The listener's payload types.
const OWN_OPUS: u8 = 100;
const OWN_RED: u8 = 63;

/// A room in which everyone talks to one listener, transport 100.
struct Room {
    sim: Sim,
    talkers: Vec<(Client, u16)>,
    listener: Client,
}

impl Room {
    /// Talker n has transport 10 + n, producer 20 + n; the consumer of it has id 30 + n and SSRC 1,000 + n.
    fn of(talkers: u8) -> Room {
        let mut sim = Sim::new();
        let listener = Client::connect(&mut sim, 1, 100);
        let talkers = (0..u64::from(talkers))
            .map(|n| {
                let talker = Client::connect(&mut sim, 1, 10 + n);
                let params = media::audio_params(10 + n, Some(5_000 + n as u32));
                sim.command(Command::CreateProducer { producer_id: 20 + n, params });
                let params = ConsumerParams {
                    payload_types: vec![PayloadTypeMapping {
                        producer_payload_type: OPUS,
                        payload_type: OWN_OPUS,
                        rtx_payload_type: None,
                    }],
                    redundancy_payload_type: Some(OWN_RED),
                    ..media::audio_consumer(100, 20 + n, 1_000 + n as u32)
                };
                sim.command(Command::CreateConsumer { consumer_id: 30 + n, params });
                (talker, 65_000)
            })
            .collect();
        sim.assert_no_failure();
        Room { sim, talkers, listener }
    }

    fn select(&mut self, max: Option<u8>, always: &[u64]) {
        let selection = SpeakerSelection { max, always: always.to_vec() };
        self.sim.command(Command::SelectSpeakers { router_id: 1, selection });
        self.sim.assert_no_failure();
    }

    /// Everyone sends a packet with its level; 20 ms pass.
    fn tick(&mut self, levels: &[u8]) {
        for (n, &level) in levels.iter().enumerate() {
            let (talker, number) = &mut self.talkers[n];
            *number = number.wrapping_add(1);
            let fields = Fields {
                marker: false,
                payload_type: OPUS,
                sequence_number: *number,
                timestamp: u32::from(*number) * 960,
                ssrc: 5_000 + n as u32,
            };
            let [high, low] = number.to_be_bytes();
            let packet = media::packet(&fields, &[(4, b"a"), (1, &[level])], &[n as u8, high, low, 7, 7]);
            talker.send_rtp(&mut self.sim, &packet);
        }
        self.sim.run_ms(20);
    }

    fn run(&mut self, ticks: usize, levels: &[u8]) {
        for _ in 0..ticks {
            self.tick(levels);
        }
    }

    fn heard(&mut self) -> Vec<Heard> {
        let Received { rtp, .. } = self.listener.received(&mut self.sim);
        rtp.iter()
            .map(|packet| {
                let packet = RtpPacket::parse(packet).unwrap();
                let payload = match packet.header.payload_type {
                    OWN_RED => red::blocks(packet.payload()).unwrap().last().unwrap().data,
                    _ => packet.payload(),
                };
                Heard {
                    talker: packet.header.ssrc - 1_000,
                    payload_type: packet.header.payload_type,
                    number: packet.header.sequence_number,
                    timestamp: packet.header.timestamp,
                    source: u16::from_be_bytes([payload[1], payload[2]]),
                    blocks: match packet.header.payload_type {
                        OWN_RED => red::blocks(packet.payload()).unwrap().count(),
                        _ => 1,
                    },
                }
            })
            .collect()
    }

    fn active_speakers(&mut self) -> Vec<Option<u64>> {
        let told = |event| match event {
            Event::ActiveSpeaker { producer_id, router_id: 1 } => Some(producer_id),
            _ => None,
        };
        self.sim.take_events().into_iter().filter_map(told).collect()
    }
}

#[derive(Clone, Debug)]
struct Heard {
    talker: u32,
    payload_type: u8,
    number: u16,
    timestamp: u32,
    /// The talker's own sequence number.
    source: u16,
    blocks: usize,
}

fn talkers(heard: &[Heard]) -> Vec<u32> {
    let mut talkers: Vec<u32> = heard.iter().map(|heard| heard.talker).collect();
    talkers.sort_unstable();
    talkers.dedup();
    talkers
}

#[test]
fn only_the_loudest_are_forwarded_and_whoever_begins_is_heard_from_before_its_first_word() {
    let mut room = Room::of(5);
    room.select(Some(3), &[]);
    room.run(100, &[30, 35, 40, QUIET, QUIET]);
    let heard = room.heard();
    assert_eq!(talkers(&heard), [0, 1, 2]);
    assert_eq!(heard.len(), 300);
    // The second stops; the fifth begins two seconds later.
    room.run(100, &[30, QUIET, 40, QUIET, QUIET]);
    let begins = room.talkers[4].1.wrapping_add(1);
    room.heard();
    room.tick(&[30, QUIET, 40, QUIET, 35]);
    let mut heard = room.heard();
    room.run(50, &[30, QUIET, 40, QUIET, 35]);
    let later = room.heard();
    assert_eq!(talkers(&later), [0, 2, 4]);
    heard.extend(later);
    let fifth: Vec<&Heard> = heard.iter().filter(|heard| heard.talker == 4).collect();
    assert_eq!(fifth.len(), 51 + 5, "100 ms of what came before");
    assert_eq!(fifth[0].source, begins.wrapping_sub(5));
    for pair in fifth.windows(2) {
        assert_eq!(pair[1].number, pair[0].number.wrapping_add(1));
        assert_eq!(pair[1].timestamp.wrapping_sub(pair[0].timestamp), 960);
    }
}

#[test]
fn whoever_comes_back_goes_on_without_a_gap_in_numbers_and_with_true_time() {
    let mut room = Room::of(2);
    room.select(Some(1), &[]);
    let mut heard = Vec::new();
    for levels in [[30, QUIET], [QUIET, 30], [30, QUIET]] {
        room.run(150, &levels);
        heard.extend(room.heard());
    }
    let first: Vec<&Heard> = heard.iter().filter(|heard| heard.talker == 0).collect();
    assert!(first.len() > 250 && heard.len() < 470, "{} of {}", first.len(), heard.len());
    for pair in first.windows(2) {
        assert_eq!(pair[1].number, pair[0].number.wrapping_add(1));
        let ahead = u32::from(pair[1].source.wrapping_sub(pair[0].source));
        assert_eq!(pair[1].timestamp.wrapping_sub(pair[0].timestamp), ahead * 960);
    }
}

#[test]
fn sound_that_has_waited_for_the_thread_is_left_out_and_what_comes_after_it_goes_on() {
    let mut room = Room::of(1);
    room.run(10, &[30]);
    room.sim.waited = Duration::from_millis(600);
    room.run(50, &[30]);
    room.sim.waited = Duration::from_millis(400);
    room.run(10, &[30]);
    let heard = room.heard();
    assert_eq!(heard.len(), 20);
    let [before, after] = [&heard[9], &heard[10]];
    assert_eq!(after.source, before.source.wrapping_add(51));
    assert_eq!(after.number, before.number.wrapping_add(1), "nobody asks for it");
    assert_eq!(after.timestamp.wrapping_sub(before.timestamp), 51 * 960);
}

#[test]
fn the_pinned_one_is_always_heard_and_takes_nobodys_place() {
    let mut room = Room::of(3);
    room.select(Some(1), &[22]);
    room.run(10, &[30, QUIET, QUIET]);
    assert_eq!(talkers(&room.heard()), [0, 2]);
    room.select(Some(1), &[]);
    room.run(10, &[30, QUIET, QUIET]);
    assert_eq!(talkers(&room.heard()), [0]);
    room.select(None, &[]);
    room.run(10, &[30, QUIET, QUIET]);
    assert_eq!(talkers(&room.heard()), [0, 1, 2]);
    room.sim.command(Command::SelectSpeakers { router_id: 9, selection: SpeakerSelection::default() });
    let failed = room.sim.take_events().into_iter().any(|event| matches!(event, Event::CommandFailed { id: 9, .. }));
    assert!(failed, "there is no such router");
}

#[test]
fn who_is_muted_gives_its_place_to_others() {
    let mut room = Room::of(2);
    room.select(Some(1), &[]);
    room.run(10, &[30, QUIET]);
    room.sim.command(Command::PauseProducer { producer_id: 20, paused: true });
    room.heard();
    room.run(10, &[30, 60]);
    assert_eq!(talkers(&room.heard()), [1], "its place is free for anybody");
}

#[test]
fn the_active_speaker_is_told_when_it_changes_and_when_it_leaves() {
    let mut room = Room::of(3);
    room.run(20, &[QUIET, QUIET, QUIET]);
    assert_eq!(room.active_speakers(), []);
    room.run(20, &[QUIET, 30, QUIET]);
    assert_eq!(room.active_speakers(), [Some(21)]);
    room.run(10, &[30, QUIET, QUIET]);
    room.run(100, &[QUIET, QUIET, QUIET]);
    assert_eq!(room.active_speakers(), [], "a cough");
    room.run(50, &[30, QUIET, QUIET]);
    assert_eq!(room.active_speakers(), [Some(20)]);
    room.sim.command(Command::CloseProducer { producer_id: 20 });
    assert_eq!(room.active_speakers(), [None]);
}

#[test]
fn frames_are_repeated_for_the_one_who_asked_and_survive_loss() {
    let mut room = Room::of(1);
    room.run(5, &[30]);
    assert!(room.heard().iter().all(|heard| (heard.payload_type, heard.blocks) == (OWN_OPUS, 1)));
    room.sim.command(Command::SetConsumerRedundancy { consumer_id: 30, frames: 2 });
    room.run(50, &[30]);
    let heard = room.heard();
    assert_eq!(heard[0].blocks, 1, "nothing was kept before");
    assert!(heard[2..].iter().all(|heard| (heard.payload_type, heard.blocks) == (OWN_RED, 3)));
    room.sim.command(Command::SetConsumerRedundancy { consumer_id: 30, frames: 0 });
    room.run(5, &[30]);
    assert!(room.heard().iter().all(|heard| (heard.payload_type, heard.blocks) == (OWN_OPUS, 1)));
    room.sim.assert_no_failure();
    room.sim.command(Command::SetConsumerRedundancy { consumer_id: 30, frames: 3 });
    let refused = room.sim.take_events().into_iter().find_map(|event| match event {
        Event::CommandFailed { command: "set_consumer_redundancy", message, .. } => Some(message),
        _ => None,
    });
    assert!(refused.is_some_and(|message| message.contains("frames is 3")));
}
