//! What a browser sends, forwarded to a thin line: the bridge asks for what fits, and cannot make it.

use crate::figures::{Goal, Row};
use crate::media::Media;
use crate::network::MS;
use crate::rfc8867::line;
use crate::world::World;

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
