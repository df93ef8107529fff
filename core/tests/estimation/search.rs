//! Plays drawn lines, and finds those on which the estimator does worst.

use crate::drawn::{Drawn, LENGTH, Others, STEPS, Sent};
use crate::media::Media;
use crate::world::World;

/// What a call can take at most, in kbit/s: with sound and headers.
const MOST: f64 = 1_546.0;
/// Layers in kbit/s, and what each takes with sound and headers on the wire.
const LAYERS: [u64; 3] = [150, 500, 1_500];
/// From here on a line is judged, in steps of a tenth of a second.
const BEGIN: usize = 80;
/// So long a rise may take until it counts, and a fall, and an outage.
const AFTER_RISE: usize = 60;
const AFTER_FALL: usize = 30;
const AFTER_OUTAGE: usize = 40;
/// Below this share of what the line carries an estimate starves.
const STARVED: f64 = 0.5;

/// What was measured on one line.
pub struct Found {
    pub drawn: Drawn,
    /// Of what could be used, in %.
    pub used: f64,
    /// Waits in ms, the time after falls left out.
    pub wait: f64,
    /// The longest time of an estimate below half of what the line carries, in s.
    pub starved: f64,
    /// Dropped because of us, in % of what was sent.
    pub dropped: f64,
    /// The longest time without video while the line carried some, in s.
    pub gap: f64,
    /// How often in a minute the estimate fell by a quarter while the line was as before.
    pub swings: f64,
    /// Share of the time in which the line was taken for full with an estimate far below what it carries, in %.
    pub mistaken: f64,
}

/// One course of the rate, and what can be used of it, in kbit/s.
struct Course {
    possible: Vec<f64>,
    /// Whether a step is judged for what is used, and for waits.
    fair: Vec<bool>,
    calm: Vec<bool>,
}

impl Course {
    fn of(drawn: &Drawn) -> Self {
        let carries: Vec<f64> = (0..STEPS).map(|n| drawn.carries(n)).collect();
        let tcp =
            |n: usize| matches!(drawn.others, Others::Tcp(from, to) if (from..to + 8.0).contains(&(n as f64 / 10.0)));
        let was_out = |n: usize| {
            let mut before = n.saturating_sub(AFTER_OUTAGE)..=n;
            drawn.outage.is_some() && before.any(|n| drawn.is_out(n as f64 / 10.0))
        };
        let least =
            |n: usize, steps: usize| carries[n.saturating_sub(steps)..=n].iter().copied().fold(f64::INFINITY, f64::min);
        let most = |n: usize, steps: usize| carries[n.saturating_sub(steps)..=n].iter().copied().fold(0.0, f64::max);
        Course {
            possible: (0..STEPS).map(|n| least(n, AFTER_RISE).min(MOST)).collect(),
            fair: (0..STEPS).map(|n| n >= BEGIN && !was_out(n) && !tcp(n)).collect(),
            calm: (0..STEPS)
                .map(|n| n >= BEGIN && !was_out(n) && !tcp(n) && carries[n] > 0.85 * most(n, AFTER_FALL))
                .collect(),
        }
    }
}

/// Plays a line.
pub fn play(drawn: Drawn, print: bool) -> Found {
    let course = Course::of(&drawn);
    let mut world = World::new(drawn.seed);
    let links = drawn.build(&mut world);
    let media = || match drawn.sent {
        Sent::Continuous => Media::new(1_500),
        Sent::Lively => Media::lively(1_500),
        Sent::Layers => Media::layers(&LAYERS),
    };
    let flow = world.media(media(), &[links.0], &[links.1]);
    if drawn.back_tcp {
        world.tcp(&[links.1], &[links.0], (3.0, LENGTH), None);
    }
    if let Others::Tcp(from, to) = drawn.others {
        world.tcp(&[links.0], &[links.1], (from, to), None);
    }
    let (mut estimates, mut mistaken) = (Vec::new(), 0);
    for step in 0..STEPS {
        drawn.set(&mut world, links, step);
        if drawn.second_from.is_some_and(|from| step == (from * 10.0) as usize) {
            world.media(media(), &[links.0], &[links.1]);
        }
        world.run(0.1);
        let estimate = world.flow(flow).estimator.estimate();
        let kbps = estimate.lasting.as_bps() as f64 / 1_000.0;
        mistaken += usize::from(course.fair[step] && estimate.limit.is_some() && kbps < 0.65 * course.possible[step]);
        estimates.push(kbps);
    }
    if print {
        world.print();
    }
    let link = &world.links[links.0];
    let dropped = (link.dropped - link.lost) as f64 / link.entered as f64 * 100.0;
    measure(drawn, &course, &world, flow, &estimates, (dropped, mistaken))
}

fn measure(
    drawn: Drawn,
    course: &Course,
    world: &World,
    flow: usize,
    estimates: &[f64],
    (dropped, mistaken): (f64, usize),
) -> Found {
    let samples = &world.samples[flow];
    let judged = || (0..STEPS).filter(|n| course.fair[*n]);
    // Layers are judged by what is estimated: what there is in between cannot be sent.
    let used = |n: usize| {
        let got = if drawn.sent == Sent::Layers { estimates[n] } else { samples[n].received };
        got.min(course.possible[n])
    };
    let possible: f64 = judged().map(|n| course.possible[n]).sum();
    let mut waits: Vec<f32> = world.waits[flow]
        .iter()
        .filter(|(at, _)| course.calm.get((*at / 100.0) as usize).copied().unwrap_or(false))
        .map(|(_, wait)| *wait)
        .collect();
    waits.sort_by(f32::total_cmp);
    let longest = |is_bad: &dyn Fn(usize) -> bool| {
        let (mut run, mut longest) = (0, 0);
        for n in 0..STEPS {
            run = if course.fair[n] && is_bad(n) { run + 1 } else { 0 };
            longest = longest.max(run);
        }
        longest as f64 / 10.0
    };
    let mut swings = 0;
    let mut peak = 0.0_f64;
    for n in judged() {
        let steady = course.possible[n] == course.possible[n.saturating_sub(20)];
        peak = if steady { peak.max(estimates[n].min(course.possible[n])) } else { estimates[n] };
        if estimates[n] < 0.75 * peak {
            swings += 1;
            peak = estimates[n];
        }
    }
    let minutes = judged().count().max(1) as f64 / 600.0;
    let starved = longest(&|n| estimates[n] < STARVED * course.possible[n]);
    let arrivals = |n: usize| samples[n].received > 60.0;
    let gap = longest(&|n| !arrivals(n) && course.possible[n] > 250.0);
    Found {
        used: judged().map(used).sum::<f64>() / possible * 100.0,
        wait: waits.get(waits.len() * 95 / 100).map_or(0.0, |wait| f64::from(*wait)),
        starved,
        dropped,
        gap,
        swings: f64::from(swings) / minutes,
        mistaken: mistaken as f64 / judged().count().max(1) as f64 * 100.0,
        drawn,
    }
}

impl Found {
    fn words(&self) -> String {
        let Found { drawn, used, wait, starved, dropped, gap, swings, mistaken } = self;
        format!(
            "used {used:.0} %, wait {wait:.0} ms, starved {starved:.1} s, dropped {dropped:.1} %, gap {gap:.1} s, \
             {swings:.1} swings, mistaken {mistaken:.0} % | {drawn}"
        )
    }
}

/// The worst of them by each measure, and the mean and quantiles of all.
pub fn report(found: &[Found], worst: usize) -> String {
    type Measure = (&'static str, fn(&Found) -> f64);
    let measures: [Measure; 7] = [
        ("starved", |found| found.starved),
        ("used (missing)", |found| 100.0 - found.used),
        ("wait", |found| found.wait),
        ("dropped", |found| found.dropped),
        ("gap", |found| found.gap),
        ("swings", |found| found.swings),
        ("mistaken", |found| found.mistaken),
    ];
    let mut out = String::new();
    if std::env::var("EACH").is_ok() {
        for found in found {
            out.push_str(&format!("- {}\n", found.words()));
        }
    }
    for (name, measure) in measures {
        let mut ranked: Vec<&Found> = found.iter().collect();
        ranked.sort_by(|a, b| measure(b).total_cmp(&measure(a)));
        let at = |share: f64| measure(ranked[((1.0 - share) * (ranked.len() - 1) as f64) as usize]);
        let mean = ranked.iter().map(|found| measure(found)).sum::<f64>() / ranked.len() as f64;
        out.push_str(&format!(
            "## {name}: mean {mean:.2}, median {:.1}, p90 {:.1}, p95 {:.1}, p99 {:.1}\n",
            at(0.5),
            at(0.9),
            at(0.95),
            at(0.99)
        ));
        for found in &ranked[..worst.min(ranked.len())] {
            out.push_str(&format!("{}\n", found.words()));
        }
    }
    out
}
