//! Lines that are bad in one way each, further out than those of `drawn.rs` go: for comparing two estimators class by class.

use crate::drawn::{Drawn, Jitter, Others, STEPS, Within};
use crate::network::Loss;
use crate::random::Random;

/// What is drawn for one class, on top of an ordinary line.
type Class = fn(&mut Drawn, Within<'_>);

/// Each class by its name.
pub const CLASSES: &[(&str, Class)] = &[
    ("policer", policer),
    ("radio", radio),
    ("wifi", wifi),
    ("satellite", satellite),
    ("full-back", full_back),
    ("loss", loss),
    ("codel", codel),
    ("bloat", bloat),
    ("two-flows", two_flows),
    ("tcp", tcp),
];

/// A line of this class.
pub fn draw(class: &(&'static str, Class), seed: u64) -> Drawn {
    let mut drawn = Drawn::new(seed);
    let mut random = Random::new(seed ^ 0xc1a55);
    drawn.plain(class.0);
    class.1(&mut drawn, &mut |least, most| least + (most - least) * random.uniform());
    drawn
}

/// Between two bounds, each size as likely as its double.
fn evenly(within: Within<'_>, least: f64, most: f64) -> f64 {
    least * (most / least).powf(within(0.0, 1.0))
}

/// A token bucket in front of a fast line, from three packets to a second of it.
fn policer(drawn: &mut Drawn, within: Within<'_>) {
    let kbps = evenly(within, 100.0, 500.0);
    drawn.kbps = vec![kbps as u64; STEPS];
    drawn.policer = Some(evenly(within, 3_600.0, 60_000.0));
}

/// As traces of 3G and 4G: another rate every 0.1 to 2 s that has to do with the one before, and deep queues.
fn radio(drawn: &mut Drawn, within: Within<'_>) {
    let base = evenly(within, 250.0, 3_000.0);
    let (every, spread, memory) = (evenly(within, 1.0, 20.0) as usize, within(0.2, 0.7), within(0.5, 0.95));
    let (mut deviation, mut rates) = (0.0, Vec::new());
    while rates.len() < STEPS {
        let chance = within(-1.0, 1.0) + within(-1.0, 1.0) + within(-1.0, 1.0);
        deviation = deviation * memory + chance * (1.0 - memory * memory).sqrt();
        let rate = (base * (spread * deviation).exp()).clamp(80.0, 8_000.0) as u64;
        rates.extend(vec![rate; every.max(1)]);
    }
    rates.truncate(STEPS);
    drawn.kbps = rates;
    drawn.queue_ms = evenly(within, 200.0, 1_500.0) as u64;
    drawn.jitter = Jitter::Slots(within(5.0, 20.0) as u64);
}

/// Packets come in aggregates, and the line stands still for 100 to 300 ms now and then.
fn wifi(drawn: &mut Drawn, within: Within<'_>) {
    drawn.kbps = vec![evenly(within, 500.0, 20_000.0) as u64; STEPS];
    drawn.delay_ms = within(5.0, 40.0) as u64;
    drawn.jitter = match within(0.0, 2.0) as u64 {
        0 => Jitter::Stalls(within(2.0, 25.0) as u64),
        _ => Jitter::Slots(within(3.0, 25.0) as u64),
    };
    drawn.stands_still = Some((within(0.1, 0.3), evenly(within, 1.0, 20.0)));
}

/// 600 ms there and back.
fn satellite(drawn: &mut Drawn, within: Within<'_>) {
    drawn.delay_ms = within(250.0, 350.0) as u64;
    drawn.queue_ms = evenly(within, 100.0, 1_000.0) as u64;
    drawn.loss = if within(0.0, 1.0) < 0.5 { Loss::Independent(within(0.0, 0.03)) } else { Loss::None };
}

/// What tells of what arrived waits behind what the peer sends, and is lost there.
fn full_back(drawn: &mut Drawn, within: Within<'_>) {
    drawn.back_kbps = evenly(within, 100.0, 600.0) as u64;
    drawn.back_tcp = true;
    drawn.back_queue_ms = evenly(within, 200.0, 2_000.0) as u64;
    drawn.back_loss = 0.0;
}

/// 10 to 20 % lost, by themselves or in short bursts.
fn loss(drawn: &mut Drawn, within: Within<'_>) {
    let share = within(0.1, 0.2);
    drawn.loss = if within(0.0, 1.0) < 0.5 {
        Loss::Independent(share)
    } else {
        let length = within(1.5, 6.0);
        Loss::Bursts(share / (1.0 - share) / length, 1.0 / length)
    };
}

/// A queue of 5 ms that is held short.
fn codel(drawn: &mut Drawn, within: Within<'_>) {
    drawn.codel = true;
    drawn.queue_ms = evenly(within, 100.0, 2_000.0) as u64;
}

/// Room for two seconds.
fn bloat(drawn: &mut Drawn, within: Within<'_>) {
    drawn.queue_ms = within(1_500.0, 2_500.0) as u64;
}

/// Another call of ours from some time on.
fn two_flows(drawn: &mut Drawn, within: Within<'_>) {
    for kbps in &mut drawn.kbps {
        *kbps = (*kbps).max(250);
    }
    drawn.second_from = Some(within(2.0, 30.0));
}

/// Somebody who fetches something large.
fn tcp(drawn: &mut Drawn, within: Within<'_>) {
    let from = within(5.0, 40.0);
    drawn.others = Others::Tcp(from, from + within(5.0, 30.0));
    drawn.queue_ms = evenly(within, 60.0, 1_000.0) as u64;
}
