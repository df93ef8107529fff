//! Links and flows together, what is measured of them, and the words of a plan: conditions, media, run, check.

use crate::media::{Media, MediaFlow};
use crate::network::{Content, Link, MS, Nanos, OVERHEAD, Packet, SECOND};
use crate::random::Random;
use crate::tcp::TcpFlow;

/// How often rates are sampled.
pub const SAMPLE: Nanos = 100 * MS;

pub enum Flow {
    Media(Box<MediaFlow>),
    Tcp(TcpFlow),
    /// Constant bit rate.
    Cross {
        kbps: u64,
        route: Vec<usize>,
        owed: f64,
    },
}

/// What one flow did in a tenth of a second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// In kbit/s.
    pub estimate: f64,
    /// Arrived, on the wire, in kbit/s; media without padding.
    pub received: f64,
    pub padding: f64,
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
    name: String,
    seed: u64,
    out: Vec<Packet>,
    arrived: Vec<(Nanos, usize, Packet)>,
}

impl World {
    pub fn new(name: &str, seed: u64) -> Self {
        World {
            now: 0,
            links: Vec::new(),
            flows: Vec::new(),
            samples: Vec::new(),
            waits: Vec::new(),
            random: Random::new(seed),
            name: name.to_owned(),
            seed,
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

    pub fn tcp(&mut self, route: &[usize], back: &[usize], from_s: u64, to_s: u64) -> usize {
        self.add(Flow::Tcp(TcpFlow::new(route, back, from_s, to_s)))
    }

    pub fn cross(&mut self, kbps: u64, route: &[usize]) -> usize {
        self.add(Flow::Cross { kbps, route: route.iter().rev().copied().collect(), owed: 0.0 })
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
                Flow::Cross { kbps, route, owed } => {
                    *owed += *kbps as f64 / 8.0;
                    while *owed >= 1_200.0 {
                        *owed -= 1_200.0;
                        out.push(Packet {
                            flow: index,
                            size: 1_172,
                            content: Content::Cross,
                            route: route.clone(),
                            waited: 0,
                        });
                    }
                }
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
            (Flow::Media(flow), Content::Media { sequence_number, padding }) => {
                if padding {
                    sample.padding += kbits;
                } else {
                    sample.received += kbits;
                }
                sample.longest_wait = sample.longest_wait.max(waited);
                self.waits[index].push(((at / MS) as f32, waited as f32));
                flow.receive(at, sequence_number);
            }
            (Flow::Media(flow), Content::Feedback(compound)) => flow.hear(at, &compound),
            (Flow::Tcp(flow), Content::Segment(segment)) => {
                sample.received += kbits;
                let content = Content::Acknowledgement(segment);
                let ack = Packet { flow: index, size: 12, content, route: flow.back.clone(), waited: 0 };
                self.forward(at, ack);
            }
            (Flow::Tcp(flow), Content::Acknowledgement(segment)) => flow.acknowledged(at, segment),
            _ => sample.received += kbits,
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

    /// Mean padding that arrived, in kbit/s.
    pub fn padding(&self, flow: usize, from_s: f64, to_s: f64) -> f64 {
        let window = self.window(flow, from_s, to_s);
        window.iter().map(|sample| sample.padding).sum::<f64>() / window.len().max(1) as f64
    }

    /// Mean estimate, in kbit/s.
    pub fn estimate(&self, flow: usize, from_s: f64, to_s: f64) -> f64 {
        let window = self.window(flow, from_s, to_s);
        window.iter().map(|sample| sample.estimate).sum::<f64>() / window.len().max(1) as f64
    }

    /// What `share` of the packets of all media flows waited at most, in ms.
    pub fn wait(&self, share: f64, from_s: f64, to_s: f64) -> f64 {
        let (from, to) = (from_s as f32 * 1_000.0, to_s as f32 * 1_000.0);
        let all = self.waits.iter().flatten().filter(|(at, _)| (from..to).contains(at));
        let mut waits: Vec<f32> = all.map(|(_, wait)| *wait).collect();
        waits.sort_by(f32::total_cmp);
        waits
            .get(((waits.len() as f64 * share) as usize).min(waits.len().saturating_sub(1)))
            .map_or(0.0, |w| (*w).into())
    }

    /// Seconds from `at_s` until what arrives of the flow is for a whole second on average at least `kbps`.
    pub fn rises_to(&self, flow: usize, kbps: f64, at_s: f64, to_s: f64) -> f64 {
        let window = self.window(flow, at_s, to_s);
        let risen = window.windows(5).position(|samples| {
            samples.iter().map(|sample| sample.received).sum::<f64>() / samples.len() as f64 >= kbps
        });
        risen.map_or(f64::INFINITY, |n| (n + 5) as f64 / 10.0)
    }

    /// Seconds from `at_s` until no packet waits longer than `ms` for two seconds.
    pub fn calms_to(&self, flow: usize, ms: f64, at_s: f64, to_s: f64) -> f64 {
        let window = self.window(flow, at_s, to_s);
        let calm = window.windows(20).position(|samples| samples.iter().all(|sample| sample.longest_wait <= ms));
        calm.map_or(f64::INFINITY, |n| n as f64 / 10.0)
    }

    /// Fails, naming the plan and its seed.
    pub fn check(&self, what: &str, holds: bool) {
        assert!(holds, "{} (seed {}): {what}", self.name, self.seed);
    }

    /// A line for every second, for the eye.
    #[allow(dead_code)]
    pub fn print(&self) {
        for second in 0..(self.now / SECOND) as usize {
            let (from, to) = (second as f64, (second + 1) as f64);
            print!("{second:4}s link {:5}", self.links[0].kbps);
            for flow in 0..self.flows.len() {
                let window = self.window(flow, from, to);
                let longest = window.iter().map(|sample| sample.longest_wait).fold(0.0, f64::max);
                print!(
                    " | est {:6.0} got {:6.0} pad {:4.0} wait {:4.0}",
                    self.estimate(flow, from, to),
                    self.received(flow, from, to),
                    self.padding(flow, from, to),
                    longest
                );
            }
            println!();
        }
    }
}
