//! Lines that nobody thought of: drawn by chance, each plausible by itself.

use crate::network::{Loss, MS, SECOND};
use crate::queueing::{CoDel, Policer};
use crate::random::Random;
use crate::world::World;

/// A number by chance between two bounds.
pub type Within<'r> = &'r mut dyn FnMut(f64, f64) -> f64;

/// How long each is played, in seconds.
pub const LENGTH: f64 = 90.0;
/// In tenths of a second, as all that changes over time.
pub const STEPS: usize = (LENGTH * 10.0) as usize;

/// How packets come later than they should.
#[derive(Clone, Copy, Debug)]
pub enum Jitter {
    /// Normal, exponential as on Wi-Fi, and with packets that overtake each other; in ms.
    Normal(u64),
    Stalls(u64),
    Scatter(u64),
    /// In slots of a cell.
    Slots(u64),
}

/// Who else is on the line.
#[derive(Clone, Copy, Debug)]
pub enum Others {
    Nobody,
    /// A share of it, on and off every so many seconds.
    Constant(f64, f64),
    /// TCP between two times in seconds.
    Tcp(f64, f64),
}

/// What is sent over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Continuous,
    Lively,
    Layers,
}

/// A line, and what it does over time.
#[derive(Clone, Debug)]
pub struct Drawn {
    pub seed: u64,
    /// What kind of course its rate takes.
    pub course: &'static str,
    pub kbps: Vec<u64>,
    pub delay_ms: u64,
    /// A satellite is handed over every 15 s: the delay moves by up to so many ms, and nothing passes for a moment.
    pub handovers_ms: Option<u64>,
    pub jitter: Jitter,
    pub loss: Loss,
    pub queue_ms: u64,
    pub codel: bool,
    /// Bytes of the bucket of a policer, whose rate is that of the line.
    pub policer: Option<f64>,
    pub back_kbps: u64,
    pub back_loss: f64,
    pub back_queue_ms: u64,
    /// TCP without end on the way back.
    pub back_tcp: bool,
    /// For how long nothing passes now and then, and how far such moments lie apart on average, in seconds.
    pub stands_still: Option<(f64, f64)>,
    /// Another call like ours begins then, in seconds.
    pub second_from: Option<f64>,
    pub others: Others,
    /// From and to, in seconds.
    pub outage: Option<(f64, f64)>,
    pub sent: Sent,
}

impl Drawn {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x11_11e5);
        let mut within = {
            let random = &mut random;
            move |least: f64, most: f64| least + (most - least) * random.uniform()
        };
        let base = 100.0 * 50.0_f64.powf(within(0.0, 1.0));
        let (course, kbps) = course(&mut within, base);
        let satellite = within(0.0, 1.0) < 0.12;
        let delay_ms = if satellite { within(20.0, 300.0) } else { 5.0 * 40.0_f64.powf(within(0.0, 1.0)) } as u64;
        let jitter = match within(0.0, 10.0) as u64 {
            0..=4 => Jitter::Normal(within(0.0, 8.0) as u64),
            5 => Jitter::Normal(within(8.0, 35.0) as u64),
            6 => Jitter::Stalls(within(3.0, 40.0) as u64),
            7 => Jitter::Scatter(within(5.0, 80.0) as u64),
            _ => Jitter::Slots(within(10.0, 40.0) as u64),
        };
        let loss = match within(0.0, 10.0) as u64 {
            0..=5 => Loss::None,
            6..=7 => Loss::Independent(within(0.0, 0.1)),
            _ => {
                let length = within(2.0, 12.0);
                let share = within(0.005, 0.06);
                Loss::Bursts(share / (1.0 - share) / length, 1.0 / length)
            }
        };
        let policer = (within(0.0, 1.0) < 0.1).then(|| within(6_000.0, 60_000.0));
        let codel = within(0.0, 1.0) < 0.2;
        let queue_ms = (50.0 * 40.0_f64.powf(within(0.0, 1.0))) as u64;
        let thin_back = within(0.0, 1.0) < 0.25;
        let back_kbps = if thin_back { within(30.0, 100.0) } else { 10_000.0 } as u64;
        let back_loss = if within(0.0, 1.0) < 0.2 { within(0.01, 0.3) } else { 0.0 };
        let others = match within(0.0, 10.0) as u64 {
            0 => Others::Constant(within(0.2, 0.6), within(3.0, 30.0)),
            1 => {
                let from = within(5.0, 40.0);
                Others::Tcp(from, from + within(5.0, 25.0))
            }
            _ => Others::Nobody,
        };
        let outage = (within(0.0, 1.0) < 0.2).then(|| {
            let from = within(10.0, 50.0);
            (from, from + 30.0_f64.powf(within(0.0, 1.0)))
        });
        let sent = match within(0.0, 3.0) as u64 {
            0 => Sent::Continuous,
            1 => Sent::Lively,
            _ => Sent::Layers,
        };
        let handovers_ms = satellite.then(|| within(5.0, 40.0) as u64);
        Drawn {
            seed,
            course,
            kbps,
            delay_ms,
            handovers_ms,
            jitter,
            loss,
            queue_ms,
            codel,
            policer,
            back_kbps,
            back_loss,
            back_queue_ms: 300,
            back_tcp: false,
            stands_still: None,
            second_from: None,
            others,
            outage,
            sent,
        }
    }

    /// Takes away what is bad of it, but for the course of its rate and half of its jitter.
    pub fn plain(&mut self, class: &'static str) {
        self.course = class;
        self.handovers_ms = None;
        self.delay_ms = self.delay_ms.min(100);
        self.jitter = match self.jitter {
            Jitter::Normal(ms) => Jitter::Normal(ms.min(8)),
            _ => Jitter::Normal(1),
        };
        (self.loss, self.policer, self.codel) = (Loss::None, None, false);
        (self.back_kbps, self.back_loss, self.others, self.outage) = (10_000, 0.0, Others::Nobody, None);
    }

    /// Both directions of it.
    pub fn build(&self, world: &mut World) -> (usize, usize) {
        let forth = world.link(self.kbps[0], self.delay_ms);
        let back = world.link(self.back_kbps, self.delay_ms);
        for link in [forth, back] {
            let link = &mut world.links[link];
            match self.jitter {
                Jitter::Normal(ms) => link.jitter = ms * MS,
                Jitter::Stalls(ms) => link.stalls = ms * MS,
                Jitter::Scatter(ms) => link.scatter = ms * MS,
                Jitter::Slots(ms) => link.slots = ms * MS,
            }
        }
        let link = &mut world.links[forth];
        link.loss = self.loss;
        link.queue_ms = self.queue_ms;
        link.codel = self.codel.then(CoDel::default);
        link.policer = self.policer.map(|burst| Policer::new(self.kbps[0], burst));
        world.links[back].queue_ms = self.back_queue_ms;
        world.links[back].loss = if self.back_loss > 0.0 { Loss::Independent(self.back_loss) } else { Loss::None };
        (forth, back)
    }

    /// What the line carries of ours in a step, in kbit/s.
    pub fn carries(&self, step: usize) -> f64 {
        let seconds = step as f64 / 10.0;
        let whole = self.kbps[step] as f64;
        match self.others {
            Others::Constant(share, every) if (seconds / every) as u64 % 2 == 1 => whole * (1.0 - share),
            _ if self.second_from.is_some_and(|from| seconds >= from) => whole / 2.0,
            _ => whole,
        }
    }

    /// Whether nothing passes.
    pub fn is_out(&self, seconds: f64) -> bool {
        self.outage.is_some_and(|(from, to)| (from..to).contains(&seconds))
    }

    /// Sets the links to what they are in a step.
    pub fn set(&self, world: &mut World, (forth, back): (usize, usize), step: usize) {
        let seconds = step as f64 / 10.0;
        let shared = if self.second_from.is_some() { self.kbps[step] as f64 } else { self.carries(step) };
        let kbps = shared as u64;
        let link = &mut world.links[forth];
        match &mut link.policer {
            Some(policer) => (policer.kbps, link.kbps) = (kbps, 20_000),
            None => link.kbps = kbps,
        }
        let mut down = self.is_out(seconds);
        if let Some(most) = self.handovers_ms {
            let nth = (seconds / 15.0) as u64;
            let moved = Random::new(self.seed ^ nth).uniform() * most as f64;
            let at = world.now % (15 * SECOND);
            down |= nth > 0 && at < 100 * MS;
            for link in [forth, back] {
                world.links[link].delay = self.delay_ms * MS + (moved * MS as f64) as u64;
            }
        }
        if let Some((length, apart)) = self.stands_still {
            let begins = Random::new(self.seed ^ (seconds / apart) as u64 ^ 0x57).uniform() * (apart - length);
            down |= (begins..begins + length).contains(&(seconds % apart));
        }
        (world.links[forth].down, world.links[back].down) = (down, down);
    }
}

/// How the rate goes, in kbit/s for each step.
fn course(within: &mut impl FnMut(f64, f64) -> f64, base: f64) -> (&'static str, Vec<u64>) {
    let bounded = |kbps: f64| kbps.clamp(100.0, 5_000.0) as u64;
    match within(0.0, 6.0) as u64 {
        0 => ("constant", vec![bounded(base); STEPS]),
        1 => {
            let (low, from, to) = (base * within(0.15, 0.6), within(15.0, 35.0), within(45.0, 65.0));
            let rate = |n: usize| if (from..to).contains(&(n as f64 / 10.0)) { low } else { base };
            ("falls and rises", (0..STEPS).map(|n| bounded(rate(n))).collect())
        }
        2 => {
            let mut rates = Vec::new();
            while rates.len() < STEPS {
                let (rate, steps) = (base * 4.0_f64.powf(within(-1.0, 1.0)), within(50.0, 250.0) as usize);
                rates.extend(vec![bounded(rate); steps]);
            }
            ("steps", rates)
        }
        3 => {
            let (other, from) = (base * 5.0_f64.powf(within(-1.0, 1.0)), within(5.0, 20.0));
            let to = from + within(5.0, 40.0);
            let rate = |n: usize| base + (other - base) * ((n as f64 / 10.0 - from) / (to - from)).clamp(0.0, 1.0);
            ("ramp", (0..STEPS).map(|n| bounded(rate(n))).collect())
        }
        4 => {
            // As 3G does: another rate each second that has to do with the one before.
            let (spread, memory) = (within(0.2, 0.6), within(0.7, 0.95));
            let mut deviation = 0.0;
            let mut rates = Vec::new();
            for _ in 0..STEPS / 10 {
                let chance = within(-1.0, 1.0) + within(-1.0, 1.0) + within(-1.0, 1.0);
                deviation = deviation * memory + chance * (1.0_f64 - memory * memory).sqrt();
                rates.extend([bounded(base * (spread * deviation).exp()); 10]);
            }
            ("as 3G", rates)
        }
        _ => {
            let (from, to) = (within(15.0, 30.0), within(35.0, 70.0));
            let rate = |n: usize| if (from..to).contains(&(n as f64 / 10.0)) { 100 } else { 300 };
            ("300 – 100 – 300", (0..STEPS).map(rate).collect())
        }
    }
}

impl std::fmt::Display for Drawn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (least, most) = (self.kbps.iter().min().unwrap_or(&0), self.kbps.iter().max().unwrap_or(&0));
        write!(f, "{}: {} {least}–{most} kbit/s, {} ms, {:?}", self.seed, self.course, self.delay_ms, self.jitter)?;
        match self.loss {
            Loss::None => {}
            Loss::Independent(share) => write!(f, ", loss {:.1} %", share * 100.0)?,
            Loss::Bursts(bad, good) => {
                write!(f, ", loss {:.1} % in bursts of {:.0}", bad / (bad + good) * 100.0, 1.0 / good)?;
            }
        }
        match self.policer {
            Some(bytes) => write!(f, ", policer of {bytes:.0} bytes")?,
            None => write!(f, ", queue {} ms{}", self.queue_ms, if self.codel { " CoDel" } else { "" })?,
        }
        if self.back_kbps < 10_000 {
            write!(f, ", back {} kbit/s", self.back_kbps)?;
        }
        if self.back_loss > 0.0 {
            write!(f, ", back loss {:.0} %", self.back_loss * 100.0)?;
        }
        match self.others {
            Others::Nobody => {}
            Others::Constant(share, every) => write!(f, ", {:.0} % taken every {every:.0} s", share * 100.0)?,
            Others::Tcp(from, to) => write!(f, ", TCP {from:.0}–{to:.0} s")?,
        }
        if let Some((from, to)) = self.outage {
            write!(f, ", out {from:.1}–{to:.1} s")?;
        }
        if self.back_tcp {
            write!(f, ", TCP back, queue {} ms", self.back_queue_ms)?;
        }
        if let Some((length, apart)) = self.stands_still {
            write!(f, ", stands still for {:.0} ms every {apart:.1} s", length * 1_000.0)?;
        }
        if let Some(from) = self.second_from {
            write!(f, ", another call from {from:.0} s")?;
        }
        if let Some(ms) = self.handovers_ms {
            write!(f, ", handovers {ms} ms")?;
        }
        write!(f, ", {:?}", self.sent)
    }
}
