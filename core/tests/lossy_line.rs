//! How soon a line that loses a tenth both ways is repaired, with peers that ask and answer as libwebrtc does.

mod common;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use _core::packet::rtcp::{Packet, packets};
use _core::packet::rtp::RtpPacket;
use _core::time::Time;

use common::Sim;
use common::call::{Call, RTX, VIDEO};
use common::media;
use common::viewer::{Chance, Departure};

const LOSS: f64 = 0.1;
const DELAY: Duration = Duration::from_millis(40);
const ROUND_TRIP: Duration = Duration::from_millis(80);
/// When a browser asks once more; it looks every 20 ms whether there is something to ask for.
const ASKS_AGAIN: Duration = Duration::from_millis(100);
/// What was repaired by the first request was missing for less.
const FIRST: Duration = Duration::from_millis(140);

/// What a receiver misses, and how long it did.
#[derive(Default)]
struct Missing {
    highest: Option<u16>,
    /// Since when, and when it was asked for.
    since: BTreeMap<u16, (Time, Option<Time>)>,
    repaired: Vec<Duration>,
}

impl Missing {
    fn came(&mut self, now: Time, number: u16) {
        let next = self.highest.map_or(number, |highest| highest + 1);
        for lost in next..number {
            self.since.insert(lost, (now, None));
        }
        self.highest = self.highest.max(Some(number));
        self.repaired.extend(self.since.remove(&number).map(|(since, _)| now.since(since)));
    }

    fn ask(&mut self, now: Time) -> Vec<u16> {
        let due = |asked: &Option<Time>| asked.is_none_or(|at| now.since(at) >= ASKS_AGAIN);
        let ask = |(number, (_, asked)): (&u16, &mut (Time, Option<Time>))| {
            due(asked).then(|| {
                *asked = Some(now);
                *number
            })
        };
        self.since.iter_mut().filter_map(ask).collect()
    }

    /// The share that took a second request.
    fn late(&self) -> f64 {
        let late = self.repaired.iter().filter(|missed| **missed > FIRST).count();
        late as f64 / self.repaired.len() as f64
    }
}

/// The first, once that is due.
fn take<T>(waiting: &mut VecDeque<T>, is_due: impl FnOnce(&T) -> bool) -> Option<T> {
    waiting.front().is_some_and(is_due).then(|| waiting.pop_front())?
}

#[test]
fn most_of_what_a_receiver_loses_is_there_by_its_first_request() {
    let mut call = Call::new(1_000_000);
    call.viewer.tells = true;
    call.viewer.line = common::viewer::Line::new(2_000, 40);
    call.viewer.line.loss = LOSS;
    let (mut missing, mut lost) = (Missing::default(), Chance::new(2));
    let mut coming: VecDeque<Departure> = VecDeque::new();
    let mut requests: VecDeque<(Time, Vec<u16>)> = VecDeque::new();
    call.frame(true, 1);
    for _ in 0..6_000 {
        call.talk(20, 25, 2);
        let now = call.sim.now;
        coming.extend(call.viewer.take_departures().into_iter().filter(|packet| packet.arrival.is_some()));
        while let Some(packet) = take(&mut coming, |packet| packet.arrival.is_some_and(|at| at <= now)) {
            match packet.ssrc {
                VIDEO => missing.came(packet.arrival.unwrap(), packet.sequence_number),
                RTX if packet.payload.len() > 2 => {
                    let number = u16::from_be_bytes([packet.payload[0], packet.payload[1]]);
                    missing.came(packet.arrival.unwrap(), number);
                }
                _ => {}
            }
        }
        let asked = missing.ask(now);
        if !asked.is_empty() && !lost.comes(LOSS) {
            requests.push_back((now + DELAY, asked));
        }
        while let Some((_, asked)) = take(&mut requests, |(at, _)| *at <= now) {
            call.viewer.client.send_rtcp(&mut call.sim, |writer| {
                writer.nack(1, VIDEO, asked.iter().copied()).unwrap();
            });
            call.viewer.receive(&mut call.sim);
        }
    }
    println!("{} repaired, {:.3} by a second request or later", missing.repaired.len(), missing.late());
    assert!(missing.repaired.len() > 1_000);
    assert!(missing.late() < 0.13, "{:.3}", missing.late());
}

/// Publishes over such a line for as long as a path is good for without a check, and notes what is passed on.
fn publish(seed: u64, missing: &mut Missing) {
    let mut sim = Sim::new();
    let (mut publisher, mut viewer, mut camera) = media::one_viewer(&mut sim);
    let mut lost = Chance::new(seed);
    missing.highest = None;
    missing.since.clear();
    let mut sent: BTreeMap<u16, (Vec<u8>, Option<Time>)> = BTreeMap::new();
    let mut wire: VecDeque<(Time, Vec<u8>)> = VecDeque::new();
    let mut requests: VecDeque<(Time, Vec<u16>)> = VecDeque::new();
    let mut rtx_number = 0;
    for tick in 0..28_000_u64 {
        let now = sim.now;
        if tick % 20 == 0 {
            let packet = camera.frame(tick == 0);
            let number = RtpPacket::parse(&packet).unwrap().header.sequence_number;
            sent.insert(number, (packet.clone(), None));
            if tick == 0 || !lost.comes(LOSS) {
                wire.push_back((now + DELAY, packet));
            }
        }
        while let Some((_, packet)) = take(&mut wire, |(at, _)| *at <= now) {
            publisher.send_rtp(&mut sim, &packet);
        }
        for compound in publisher.received(&mut sim).rtcp {
            let nacks = packets(&compound).filter_map(|packet| match packet {
                Ok(Packet::Nack(nack)) => Some(nack.sequence_numbers().collect::<Vec<u16>>()),
                _ => None,
            });
            let asked: Vec<u16> = nacks.flatten().collect();
            if !asked.is_empty() && !lost.comes(LOSS) {
                requests.push_back((now + DELAY, asked));
            }
        }
        while let Some((_, asked)) = take(&mut requests, |(at, _)| *at <= now) {
            for number in asked {
                let (packet, again) = sent.get_mut(&number).unwrap();
                if again.is_some_and(|at| now.since(at) < ROUND_TRIP) {
                    continue;
                }
                *again = Some(now);
                rtx_number += 1;
                if !lost.comes(LOSS) {
                    wire.push_back((now + DELAY, media::rtx(packet, 5_001, rtx_number)));
                }
            }
        }
        for packet in viewer.received(&mut sim).rtp {
            missing.came(now, RtpPacket::parse(&packet).unwrap().header.sequence_number);
        }
        sim.run_ms(1);
    }
}

#[test]
fn most_of_what_a_publishers_line_loses_is_there_by_the_first_request() {
    let mut missing = Missing::default();
    for seed in 1..=8 {
        publish(seed, &mut missing);
    }
    println!("{} repaired, {:.3} by a second request or later", missing.repaired.len(), missing.late());
    assert!(missing.repaired.len() > 1_000);
    assert!(missing.late() < 0.13, "{:.3}", missing.late());
}
