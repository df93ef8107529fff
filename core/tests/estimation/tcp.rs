//! A flow like TCP Reno: slow start, congestion avoidance, half the window at a loss, timeouts. It has something to
//! send without end, or so many segments.

use std::collections::BTreeMap;

use crate::network::{Content, MS, Nanos, Packet};

const SEGMENT: usize = 1_432;

pub struct TcpFlow {
    pub route: Vec<usize>,
    pub back: Vec<usize>,
    pub from: Nanos,
    pub to: Nanos,
    window: f64,
    threshold: f64,
    next: u64,
    in_flight: BTreeMap<u64, Nanos>,
    /// Losses of segments before this one belong to the same event.
    recovering_until: u64,
    last_heard: Nanos,
    round_trip: Nanos,
    /// Segments that are still to arrive; what is lost is sent again as something new.
    remaining: Option<u64>,
    /// When the last of them did.
    pub done: Option<Nanos>,
}

impl TcpFlow {
    pub fn new(route: &[usize], back: &[usize], seconds: (f64, f64), segments: Option<u64>) -> Self {
        TcpFlow {
            route: route.iter().rev().copied().collect(),
            back: back.iter().rev().copied().collect(),
            from: (seconds.0 * 1_000.0) as Nanos * MS,
            to: (seconds.1 * 1_000.0) as Nanos * MS,
            window: 10.0,
            threshold: f64::MAX,
            next: 0,
            in_flight: BTreeMap::new(),
            recovering_until: 0,
            last_heard: 0,
            round_trip: 200 * MS,
            remaining: segments,
            done: None,
        }
    }

    pub fn step(&mut self, now: Nanos, flow: usize, out: &mut Vec<Packet>) {
        if now < self.from || now >= self.to || self.done.is_some() {
            return;
        }
        self.last_heard = self.last_heard.max(self.from);
        if !self.in_flight.is_empty() && now - self.last_heard > (self.round_trip * 2).max(1_000 * MS) {
            self.threshold = (self.window / 2.0).max(2.0);
            self.window = 1.0;
            self.in_flight.clear();
            self.recovering_until = self.next;
            self.last_heard = now;
        }
        while (self.in_flight.len() as f64) < self.window
            && self.remaining.is_none_or(|remaining| (self.in_flight.len() as u64) < remaining)
        {
            let content = Content::Segment(self.next);
            out.push(Packet { flow, size: SEGMENT, content, route: self.route.clone(), waited: 0 });
            self.in_flight.insert(self.next, now);
            self.next += 1;
        }
    }

    pub fn acknowledged(&mut self, now: Nanos, segment: u64) {
        let Some(sent) = self.in_flight.remove(&segment) else { return };
        if let Some(remaining) = &mut self.remaining {
            *remaining = remaining.saturating_sub(1);
            if *remaining == 0 {
                self.done = Some(now);
            }
        }
        self.last_heard = now;
        self.round_trip = (self.round_trip * 7 + (now - sent)) / 8;
        self.window += if self.window < self.threshold { 1.0 } else { 1.0 / self.window };
        // Three later ones arrived: it is lost. What is lost is sent again as something new.
        let lost: Vec<u64> = self.in_flight.range(..segment.saturating_sub(2)).map(|(n, _)| *n).collect();
        for segment in lost {
            self.in_flight.remove(&segment);
            if segment >= self.recovering_until {
                self.window = (self.window / 2.0).max(2.0);
                self.threshold = self.window;
                self.recovering_until = self.next;
            }
        }
    }
}
