//! The flight recorder of a call over a line that changes, and what a replay makes of it.

mod common;

use std::time::Duration;

use _core::bitrate::Bitrate;
use _core::command::Command;
use _core::event::Event;
use _core::flight::{Entry, FlightRecord, ReplayConfig, replay};

use common::call::Call;
use common::viewer::Line;

fn record(call: &mut Call, transport_id: u64) -> Option<Vec<u8>> {
    call.sim.command(Command::FlightRecord { request_id: 5, transport_id });
    let answer = call.sim.take_events().into_iter().rev().find_map(|event| match event {
        Event::FlightRecord { request_id: 5, record } => Some(record),
        _ => None,
    });
    answer.expect("an answer").map(|record| record.to_vec())
}

/// A call over 1 Mbit/s that falls to 300 kbit/s.
fn recorded_call() -> (Call, Vec<u8>) {
    let mut call = Call::new(300_000);
    call.viewer.line = Line::new(1_000, 20);
    call.viewer.tells = true;
    call.demand(1_500_000);
    call.frame(true, 4);
    call.talk(6_000, 15, 1);
    call.viewer.line.rate = Bitrate::kbps(300);
    call.talk(6_000, 15, 2);
    let record = record(&mut call, 20).unwrap();
    (call, record)
}

#[test]
fn a_record_tells_what_was_sent_what_arrived_and_what_was_concluded() {
    let (mut call, record) = recorded_call();
    let left = call.viewer.take_departures();
    let read = FlightRecord::parse(&record).unwrap();
    let sent: Vec<(u16, usize)> = read
        .entries
        .iter()
        .filter_map(|(_, entry)| match entry {
            Entry::Sent { number, size, .. } => Some((*number as u16, *size)),
            _ => None,
        })
        .collect();
    let expected: Vec<(u16, usize)> = left.iter().map(|packet| (packet.transport_sequence, packet.size)).collect();
    assert_eq!(sent, expected);
    let told = read.entries.iter().filter(|(_, entry)| matches!(entry, Entry::Feedback { .. })).count();
    assert!((200..=240).contains(&told), "{told}");
    assert!(read.entries.iter().any(|(_, entry)| matches!(entry, Entry::Estimate { .. })));
    let layers = |(_, entry): &(_, Entry)| matches!(entry, Entry::Layers { consumer_id: 200, layers: Some((0, _)) });
    assert!(read.entries.iter().any(layers));
    assert_eq!(read.taken, call.sim.now);
    assert_eq!(self::record(&mut call, 99), None, "there is no such transport");
}

#[test]
fn a_replay_with_the_same_settings_comes_to_the_same_conclusions_and_with_others_to_others() {
    let (_, record) = recorded_call();
    let read = FlightRecord::parse(&record).unwrap();
    let same = replay(&read, &ReplayConfig::default());
    assert!((115..=125).contains(&same.len()), "{}", same.len());
    let far =
        same.iter().filter(|point| point.recorded > 0 && point.replayed.abs_diff(point.recorded) > point.recorded / 5);
    let far = far.count();
    assert!(far <= same.len() / 10, "{far} of {} are more than a fifth apart", same.len());
    let last = same.last().unwrap();
    assert!(last.replayed < 400_000 && same[50].replayed > 700_000, "{last:?} after {:?}", same[50]);

    let capped = ReplayConfig { max: Some(Bitrate::kbps(200)), ..ReplayConfig::default() };
    assert!(replay(&read, &capped).iter().all(|point| point.replayed <= 200_000));
}

#[test]
fn ten_minutes_take_no_more_memory_than_is_promised() {
    let mut call = Call::new(300_000);
    call.viewer.line = Line::new(600, 20);
    call.viewer.tells = true;
    call.frame(true, 2);
    for _ in 0..660 {
        call.talk(1_000, 10, 2);
        call.viewer.take_departures();
    }
    let record = record(&mut call, 20).unwrap();
    assert!(record.len() <= 250 * 1_024, "{}", record.len());
    let read = FlightRecord::parse(&record).unwrap();
    let covered = read.taken.since(read.entries[0].0);
    assert!(covered >= Duration::from_secs(240), "{covered:?} packet by packet");
    let seconds = u32::from_le_bytes(record[28..32].try_into().unwrap());
    assert_eq!(seconds, 600);
}
