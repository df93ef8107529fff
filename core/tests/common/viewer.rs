//! A receiver that notes when what leaves for it, and tells the bridge what arrives over its line.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use _core::bitrate::Bitrate;
use _core::extension::ExtensionMap;
use _core::packet::rtp::RtpPacket;
use _core::time::Time;

use super::client::{ABS_SEND_TIME, MID, TWCC, extensions};
use super::media;
use super::{Client, Sim};

/// Distance of transport-wide feedback.
const FEEDBACK_INTERVAL: Duration = Duration::from_millis(50);
/// Bytes of the headers of IPv4 and UDP.
const IP_AND_UDP: u64 = 28;

/// A packet of media that left the bridge for this viewer.
#[derive(Clone, Debug)]
pub struct Departure {
    pub at: Time,
    pub size: usize,
    pub ssrc: u32,
    pub payload_type: u8,
    pub sequence_number: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub transport_sequence: u16,
    /// The payload, padding left out.
    pub payload: Vec<u8>,
    /// The frame of the camera that it belongs to; 0 for other packets.
    pub frame: u32,
    /// Whether a keyframe starts in it.
    pub keyframe: bool,
    /// When it arrives; never where it is lost.
    pub arrival: Option<Time>,
}

/// Numbers that look random, the same each time.
#[derive(Clone, Copy, Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Chance(seed)
    }

    /// Whether something comes that does so in this share of cases.
    pub fn comes(&mut self, share: f64) -> bool {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as f64) < share * f64::from(1_u32 << 31)
    }
}

/// A line with a queue that drops nothing.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    pub rate: Bitrate,
    pub delay: Duration,
    /// While it is out everything is lost.
    pub is_out: bool,
    /// Share of packets that is lost by chance.
    pub loss: f64,
    chance: Chance,
    free_at: Time,
}

impl Line {
    pub fn new(kbps: u64, delay_ms: u64) -> Self {
        let delay = Duration::from_millis(delay_ms);
        Line { rate: Bitrate::kbps(kbps), delay, is_out: false, loss: 0.0, chance: Chance::new(1), free_at: Time::ZERO }
    }

    /// How long a packet takes, by itself.
    pub fn time_for(&self, bytes: usize) -> Duration {
        self.rate.time_for(bytes as u64 + IP_AND_UDP)
    }

    fn arrival(&mut self, now: Time, bytes: usize) -> Option<Time> {
        if self.is_out {
            return None;
        }
        self.free_at = self.free_at.max(now) + self.time_for(bytes);
        (!self.chance.comes(self.loss)).then(|| self.free_at + self.delay)
    }
}

pub struct Viewer {
    pub client: Client,
    pub line: Line,
    /// Whether it tells what arrives.
    pub tells: bool,
    extensions: ExtensionMap,
    departures: Vec<Departure>,
    /// What is on its way: transport-wide sequence number, and when it arrives.
    on_the_way: VecDeque<(u16, Option<Time>)>,
    /// What is to be told: from this number on.
    told: u16,
    feedback_count: u8,
    next_feedback: Time,
    /// Feedback on its way.
    feedback: VecDeque<(Time, u16, u8, Vec<Option<Time>>)>,
    seen: Vec<(u32, BTreeSet<u16>)>,
}

impl Viewer {
    /// A viewer on a line that carries everything at once, which tells nothing.
    pub fn connect(sim: &mut Sim, router_id: u64, transport_id: u64, start_bitrate: u64) -> Viewer {
        let list = extensions(&[(MID, 9), (TWCC, 3), (ABS_SEND_TIME, 2)]);
        let client = Client::connect_with(sim, router_id, transport_id, list.clone(), Some(start_bitrate));
        Viewer {
            client,
            line: Line::new(1_000_000, 0),
            tells: false,
            extensions: ExtensionMap::new(&list).unwrap(),
            departures: Vec::new(),
            on_the_way: VecDeque::new(),
            told: 0,
            feedback_count: 0,
            next_feedback: Time::ZERO,
            feedback: VecDeque::new(),
            seen: Vec::new(),
        }
    }

    /// Takes what left since the last call, as of now, and tells what has arrived by now.
    pub fn receive(&mut self, sim: &mut Sim) {
        for packet in self.client.received(sim).rtp {
            let size = packet.len() + 16;
            let arrival = self.line.arrival(sim.now, size);
            let packet = RtpPacket::parse(&packet).unwrap();
            let header = packet.header;
            let transport_sequence = self.extensions.read(&packet).transport_sequence.unwrap();
            let payload = packet.payload().to_vec();
            let is_video = header.payload_type == 100;
            self.departures.push(Departure {
                at: sim.now,
                size,
                ssrc: header.ssrc,
                payload_type: header.payload_type,
                sequence_number: header.sequence_number,
                timestamp: header.timestamp,
                marker: header.marker,
                transport_sequence,
                frame: if is_video { media::frame_number(&payload) } else { 0 },
                keyframe: is_video && _core::codec::vp8::is_keyframe_start(&payload),
                payload,
                arrival,
            });
            self.on_the_way.push_back((transport_sequence, arrival));
            self.see(header.ssrc, header.sequence_number);
        }
        if self.tells {
            self.tell(sim);
        }
    }

    fn see(&mut self, ssrc: u32, number: u16) {
        match self.seen.iter_mut().find(|(seen, _)| *seen == ssrc) {
            Some((_, numbers)) => {
                numbers.insert(number);
            }
            None => self.seen.push((ssrc, BTreeSet::from([number]))),
        }
    }

    /// How many sequence numbers are missing between the first and the last of a stream.
    pub fn missing(&self, ssrc: u32) -> usize {
        let numbers = self.seen.iter().find(|(seen, _)| *seen == ssrc).map(|(_, numbers)| numbers);
        numbers.map_or(0, |numbers| usize::from(numbers.last().unwrap() - numbers.first().unwrap()) + 1 - numbers.len())
    }

    /// The sequence number of a stream that left last.
    pub fn last_sequence(&self, ssrc: u32) -> u16 {
        let numbers = self.seen.iter().find(|(seen, _)| *seen == ssrc).map(|(_, numbers)| numbers);
        *numbers.and_then(BTreeSet::last).unwrap()
    }

    fn tell(&mut self, sim: &mut Sim) {
        let now = sim.now;
        if now >= self.next_feedback {
            self.next_feedback = now + FEEDBACK_INTERVAL;
            // Told is up to the last that has arrived; a loss is seen by what comes after it.
            let arrived = |(_, arrival): &(u16, Option<Time>)| arrival.is_some_and(|arrival| arrival <= now);
            let count = self.on_the_way.iter().rposition(arrived).map_or(0, |last| last + 1);
            if count > 0 {
                let arrivals: Vec<Option<Time>> =
                    self.on_the_way.drain(..count).map(|(_, arrival)| arrival.filter(|at| *at <= now)).collect();
                let base = self.told;
                self.told = self.told.wrapping_add(count as u16);
                self.feedback.push_back((now + self.line.delay, base, self.feedback_count, arrivals));
                self.feedback_count = self.feedback_count.wrapping_add(1);
            }
        }
        while self.feedback.front().is_some_and(|(due, ..)| *due <= now) {
            let (_, base, count, arrivals) = self.feedback.pop_front().unwrap();
            if self.line.is_out {
                continue;
            }
            self.client.send_rtcp(sim, |writer| {
                writer.receiver_report(1, &[]).unwrap();
                let told = writer.transport_feedback(1, 2, count, base, &arrivals).unwrap();
                assert_eq!(told, arrivals.len());
            });
        }
    }

    /// What left since the last call.
    pub fn take_departures(&mut self) -> Vec<Departure> {
        std::mem::take(&mut self.departures)
    }
}
