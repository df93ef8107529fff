//! Links and flows together, what is measured of them, and the words of a plan: conditions, media, run, check.

use crate::media::{Media, MediaFlow};
use crate::network::{Content, Kind, Link, MS, Nanos, OVERHEAD, Packet, SECOND};
use crate::random::Random;
use crate::tcp::TcpFlow;

/// How often rates are sampled.
pub const SAMPLE: Nanos = 100 * MS;

pub enum Flow {
    Media(Box<MediaFlow>),
    Tcp(TcpFlow),
}

/// What one flow did in a tenth of a second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// In kbit/s.
    pub estimate: f64,
    /// Arrived, on the wire, in kbit/s; media without padding.
    pub received: f64,
    /// The longest that a packet waited, in ms.
    pub longest_wait: f64,
}

pub struct World {
    pub now: Nanos,
    pub links: Vec<Link>,
    pub flows: Vec<Flow>,
    /// By flow.
    pub samples: Vec<Vec<Sample>>,
    /// By flow: when each packet arrived and how long it had waited, both in ms.
    pub waits: Vec<Vec<(f32, f32)>>,
    random: Random,
    out: Vec<Packet>,
    arrived: Vec<(Nanos, usize, Packet)>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        World {
            now: 0,
            links: Vec::new(),
            flows: Vec::new(),
            samples: Vec::new(),
            waits: Vec::new(),
            random: Random::new(seed),
            out: Vec::new(),
            arrived: Vec::new(),
        }
    }

    /// A link with this rate and delay; its index.
    pub fn link(&mut self, kbps: u64, delay_ms: u64) -> usize {
        let seed = self.random.next();
        self.links.push(Link::new(kbps, delay_ms, seed));
        self.links.len() - 1
    }

    pub fn media(&mut self, media: Media, route: &[usize], back: &[usize]) -> usize {
        let seed = self.random.next();
        self.add(Flow::Media(Box::new(MediaFlow::new(media, route, back, seed))))
    }

    /// TCP between two times in seconds, of so many segments or without end.
    pub fn tcp(&mut self, route: &[usize], back: &[usize], seconds: (f64, f64), segments: Option<u64>) -> usize {
        self.add(Flow::Tcp(TcpFlow::new(route, back, seconds, segments)))
    }

    fn add(&mut self, flow: Flow) -> usize {
        self.flows.push(flow);
        let begun = (self.now / SAMPLE) as usize;
        self.samples.push(vec![Sample::default(); begun]);
        self.waits.push(Vec::new());
        self.flows.len() - 1
    }

    pub fn flow(&mut self, flow: usize) -> &mut MediaFlow {
        match &mut self.flows[flow] {
            Flow::Media(flow) => flow,
            _ => panic!("flow {flow} is no media"),
        }
    }

    pub fn run(&mut self, seconds: f64) {
        let until = self.now + (seconds * SECOND as f64) as Nanos;
        while self.now < until {
            self.step();
        }
    }

    fn step(&mut self) {
        let start = self.now;
        self.now += MS;
        if start.is_multiple_of(SAMPLE) {
            for (flow, samples) in self.flows.iter().zip(&mut self.samples) {
                let estimate = if let Flow::Media(flow) = flow { flow.estimate() / 1_000.0 } else { 0.0 };
                samples.push(Sample { estimate, ..Sample::default() });
            }
        }
        let mut out = std::mem::take(&mut self.out);
        for (index, flow) in self.flows.iter_mut().enumerate() {
            match flow {
                Flow::Media(flow) => flow.step(start, index, &mut out),
                Flow::Tcp(flow) => flow.step(start, index, &mut out),
            }
        }
        for packet in out.drain(..) {
            self.forward(start, packet);
        }
        self.out = out;
        let mut arrived = std::mem::take(&mut self.arrived);
        for (index, link) in self.links.iter_mut().enumerate() {
            link.serve(start, self.now, &mut arrived, index);
        }
        for (at, _, packet) in arrived.drain(..) {
            self.forward(at, packet);
        }
        self.arrived = arrived;
    }

    fn forward(&mut self, at: Nanos, mut packet: Packet) {
        match packet.route.pop() {
            Some(link) => self.links[link].enter(at, packet),
            None => self.deliver(at, packet),
        }
    }

    fn deliver(&mut self, at: Nanos, packet: Packet) {
        let index = packet.flow;
        let kbits = ((packet.size + OVERHEAD) * 8) as f64 / (SAMPLE / MS) as f64;
        let sample = self.samples[index].last_mut().expect("a sample was begun");
        let waited = packet.waited as f64 / MS as f64;
        match (&mut self.flows[index], packet.content) {
            (Flow::Media(flow), Content::Media { sequence_number, source, captured, kind, sent }) => {
                if kind != Kind::Padding {
                    sample.received += kbits;
                }
                if kind == Kind::Video {
                    flow.video_arrivals.push((sent, at));
                }
                sample.longest_wait = sample.longest_wait.max(waited);
                self.waits[index].push(((at / MS) as f32, waited as f32));
                flow.receive(at, sequence_number, source, captured, packet.size);
            }
            (Flow::Media(flow), Content::Report(compound)) => flow.reported(at, &compound),
            (Flow::Media(flow), Content::Feedback(compound)) => flow.hear(at, &compound),
            (Flow::Tcp(flow), Content::Segment(segment)) => {
                sample.received += kbits;
                let content = Content::Acknowledgement(segment);
                let ack = Packet { flow: index, size: 12, content, route: flow.back.clone(), waited: 0 };
                self.forward(at, ack);
            }
            (Flow::Tcp(flow), Content::Acknowledgement(segment)) => flow.acknowledged(at, segment),
            (_, content) => panic!("flow {index} is of another kind than {content:?}"),
        }
    }

    // What is measured, from one second to another.

    fn window(&self, flow: usize, from_s: f64, to_s: f64) -> &[Sample] {
        let samples = &self.samples[flow];
        let at = |seconds: f64| ((seconds * 10.0) as usize).min(samples.len());
        &samples[at(from_s)..at(to_s)]
    }

    /// Mean rate that arrived, in kbit/s.
    pub fn received(&self, flow: usize, from_s: f64, to_s: f64) -> f64 {
        let window = self.window(flow, from_s, to_s);
        window.iter().map(|sample| sample.received).sum::<f64>() / window.len().max(1) as f64
    }

    /// What `share` of the packets of these flows waited at most, in ms.
    pub fn wait(&self, flows: &[usize], share: f64, from_s: f64, to_s: f64) -> f64 {
        let (from, to) = (from_s as f32 * 1_000.0, to_s as f32 * 1_000.0);
        let all = flows.iter().flat_map(|flow| &self.waits[*flow]).filter(|(at, _)| (from..to).contains(at));
        let mut waits: Vec<f32> = all.map(|(_, wait)| *wait).collect();
        waits.sort_by(f32::total_cmp);
        waits
            .get(((waits.len() as f64 * share) as usize).min(waits.len().saturating_sub(1)))
            .map_or(0.0, |w| (*w).into())
    }

    /// Seconds from `at_s` until what arrives of the flow is for half a second on average at least `kbps`.
    pub fn rises_to(&self, flow: usize, kbps: f64, at_s: f64, to_s: f64) -> f64 {
        self.all_rise_to(&[flow], kbps, at_s, to_s)
    }

    /// The same of several flows together.
    pub fn all_rise_to(&self, flows: &[usize], kbps: f64, at_s: f64, to_s: f64) -> f64 {
        let windows: Vec<&[Sample]> = flows.iter().map(|flow| self.window(*flow, at_s, to_s)).collect();
        let sum = |n: usize| windows.iter().map(|window| window[n].received).sum::<f64>();
        let risen = (5..=windows[0].len()).find(|end| (end - 5..*end).map(sum).sum::<f64>() / 5.0 >= kbps);
        risen.map_or(f64::INFINITY, |end| end as f64 / 10.0)
    }

    /// Seconds from `at_s` until the estimate is at least `kbps`.
    pub fn estimate_reaches(&self, flow: usize, kbps: f64, at_s: f64) -> f64 {
        let reached = self.window(flow, at_s, f64::MAX).iter().position(|sample| sample.estimate >= kbps);
        reached.map_or(f64::INFINITY, |n| n as f64 / 10.0)
    }

    /// The highest estimate of a time, in kbit/s.
    pub fn highest_estimate(&self, flow: usize, from_s: f64, to_s: f64) -> f64 {
        self.window(flow, from_s, to_s).iter().map(|sample| sample.estimate).fold(0.0, f64::max)
    }

    /// Seconds from `at_s` until no packet of these flows waits longer than `ms` for two seconds.
    pub fn calms_to(&self, flows: &[usize], ms: f64, at_s: f64, to_s: f64) -> f64 {
        let windows: Vec<&[Sample]> = flows.iter().map(|flow| self.window(*flow, at_s, to_s)).collect();
        let calm = |n: usize| windows.iter().all(|window| window[n].longest_wait <= ms);
        let since = (0..windows[0].len().saturating_sub(19)).find(|n| (*n..n + 20).all(calm));
        since.map_or(f64::INFINITY, |n| n as f64 / 10.0)
    }

    /// Longest time in ms between packets of video that arrived.
    pub fn longest_gap(&self, flow: usize, from_s: f64, to_s: f64) -> f64 {
        let arrivals = self.video_arrivals(flow).map(|(_, at)| at);
        let arrivals = arrivals.filter(|at| (from_s * 1_000.0..to_s * 1_000.0).contains(at));
        let (mut last, mut longest) = (from_s * 1_000.0, 0.0_f64);
        for at in arrivals.chain([to_s * 1_000.0]) {
            longest = longest.max(at - last);
            last = at;
        }
        longest
    }

    /// When the first packet of video that was sent after `at_s` arrived, in ms after that.
    pub fn first_after(&self, flow: usize, at_s: f64) -> f64 {
        let at = at_s * 1_000.0;
        let first = self.video_arrivals(flow).find(|(sent, _)| *sent >= at);
        first.map_or(f64::INFINITY, |(_, arrived)| arrived - at)
    }

    /// When packets of video left and arrived, in ms.
    fn video_arrivals(&self, flow: usize) -> impl Iterator<Item = (f64, f64)> {
        let Flow::Media(media) = &self.flows[flow] else { panic!("flow {flow} is no media") };
        media.video_arrivals.iter().map(|(sent, at)| (*sent as f64 / MS as f64, *at as f64 / MS as f64))
    }

    /// How long a fetch by TCP took, in seconds; none while it is not through.
    pub fn fetch_time(&self, flow: usize) -> Option<f64> {
        let Flow::Tcp(tcp) = &self.flows[flow] else { panic!("flow {flow} is no TCP") };
        Some((tcp.done? - tcp.from) as f64 / SECOND as f64)
    }

    /// A line for every second, for the eye of whoever debugs a plan.
    #[allow(dead_code)]
    pub fn print(&self) {
        for second in 0..(self.now / SECOND) as usize {
            let (from, to) = (second as f64, (second + 1) as f64);
            print!("{second:4}s");
            for flow in 0..self.flows.len() {
                let window = self.window(flow, from, to);
                let longest = window.iter().map(|sample| sample.longest_wait).fold(0.0, f64::max);
                let estimates: Vec<String> = window.iter().map(|s| format!("{:.0}", s.estimate)).collect();
                print!(" | got {:6.0} wait {longest:4.0} est {}", self.received(flow, from, to), estimates.join(" "));
            }
            println!();
        }
    }
}
