//! What a browser sends, forwarded to a thin line: the bridge asks for what fits, and cannot make it.

use crate::figures::{Goal, Row};
use crate::media::Media;
use crate::network::MS;
use crate::random::Random;
use crate::rfc8867::line;
use crate::world::World;

/// How long a line stands still at most, in ms, and how many seconds lie between two such moments on average.
const STANDS_STILL: f64 = 60.0;
const MOVES_FOR: f64 = 4.0;

/// A patient's line falls from 2 Mbit/s to 300 kbit/s, and rises again.
pub fn fall_and_rise_of_a_forwarded_picture(seed: u64) -> Vec<Row> {
    let plan = "2 – 0.3 – 2 Mbit/s, forwarded";
    let mut world = World::new(seed);
    let (forth, back) = line(&mut world, 2_000, 50);
    for link in [forth, back] {
        world.links[link].jitter = MS;
    }
    let flow = world.media(Media::forwarded(600), &[forth], &[back]);
    world.run(30.0);
    world.links[forth].kbps = 300;
    world.run(60.0);
    world.links[forth].kbps = 2_000;
    world.run(30.0);
    vec![
        Row::new(plan, "300 kbit/s from 30 s")
            .with("calm in", world.calms_to(&[flow], 100.0, 30.0, 90.0), "s", Goal::AtMost(5.0))
            .with("longest wait from 5 s on", world.wait(&[flow], 1.0, 35.0, 90.0), "ms", Goal::AtMost(100.0))
            .with("waits p95", world.wait(&[flow], 0.95, 35.0, 90.0), "ms", Goal::AtMost(60.0))
            .with("highest estimate", world.highest_estimate(flow, 35.0, 90.0), "kbit/s", Goal::AtMost(310.0))
            .with("used", world.received(flow, 40.0, 90.0) / 3.0, "%", Goal::AtLeast(85.0)),
        Row::new(plan, "2 Mbit/s from 90 s")
            .with("back in", world.rises_to(flow, 560.0, 90.0, 120.0), "s", Goal::AtMost(5.0))
            .with("waits p95", world.wait(&[flow], 0.95, 90.0, 120.0), "ms", Goal::AtMost(60.0)),
    ]
}

/// The same where both directions fall at once, and the patient's browser fills the other one: what tells of the fall waits
/// there. Now and then the line stands still for a moment, as radio does, and works off what came meanwhile.
pub fn fall_and_rise_both_ways(seed: u64) -> Vec<Row> {
    let plan = "2 – 0.3 – 2 Mbit/s both ways, forwarded";
    let mut world = World::new(seed);
    let links = line(&mut world, 2_000, 40);
    for link in [links.0, links.1] {
        world.links[link].jitter = MS;
    }
    let flow = world.media(Media::forwarded(450), &[links.0], &[links.1]);
    world.media(Media::forwarded(450), &[links.1], &[links.0]);
    let mut random = Random::new(seed);
    run_unsteadily(&mut world, links, 30.0, &mut random);
    let dropped = world.links[links.0].dropped;
    set(&mut world, links, 300);
    run_unsteadily(&mut world, links, 60.0, &mut random);
    let dropped = world.links[links.0].dropped - dropped;
    set(&mut world, links, 2_000);
    run_unsteadily(&mut world, links, 30.0, &mut random);
    vec![
        Row::new(plan, "300 kbit/s from 30 s")
            .with("calm in", world.calms_to(&[flow], 100.0, 30.0, 90.0), "s", Goal::AtMost(2.0))
            .with("dropped", dropped as f64, "packets", Goal::AtMost(10.0))
            .with("250 kbit/s in", world.estimate_reaches(flow, 250.0, 31.0) + 1.0, "s", Goal::AtMost(2.5))
            .with("waits p95", world.wait(&[flow], 0.95, 35.0, 90.0), "ms", Goal::AtMost(60.0))
            .with("waits p99.9", world.wait(&[flow], 0.999, 35.0, 90.0), "ms", Goal::AtMost(120.0))
            .with("highest estimate", world.highest_estimate(flow, 35.0, 90.0), "kbit/s", Goal::AtMost(330.0))
            .with("used", world.received(flow, 40.0, 90.0) / 3.0, "%", Goal::AtLeast(78.0)),
        Row::new(plan, "2 Mbit/s from 90 s").with(
            "back in",
            world.rises_to(flow, 420.0, 90.0, 120.0),
            "s",
            Goal::AtMost(5.0),
        ),
    ]
}

fn set(world: &mut World, links: (usize, usize), kbps: u64) {
    for link in [links.0, links.1] {
        world.links[link].kbps = kbps;
    }
}

/// Runs, and has the line stand still now and then.
fn run_unsteadily(world: &mut World, links: (usize, usize), seconds: f64, random: &mut Random) {
    let mut left = seconds;
    while left > 0.0 {
        let moves = (-MOVES_FOR * (1.0 - random.uniform()).ln()).min(left);
        world.run(moves);
        let stands = (random.uniform() * STANDS_STILL / 1_000.0).min(left - moves);
        for link in [links.0, links.1] {
            world.links[link].down = true;
        }
        world.run(stands);
        for link in [links.0, links.1] {
            world.links[link].down = false;
        }
        left -= moves + stands;
    }
}
