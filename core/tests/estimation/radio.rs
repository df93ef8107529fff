//! Lines that were found by chance (`search`), as plain as they can be: what radio and operators do to packets.

use crate::figures::{Goal, Row};
use crate::media::Media;
use crate::network::{Loss, MS};
use crate::queueing::Policer;
use crate::rfc8867::line;
use crate::world::World;

/// Losses in a row are one event of the radio, and no sign of a line that is full.
pub fn losses_in_bursts(seed: u64) -> Vec<Row> {
    [(300, 0.05, 6.0, "300 kbit/s, 5 % in bursts of 6"), (1_400, 0.03, 8.0, "1.4 Mbit/s, 3 % in bursts of 8")]
        .into_iter()
        .map(|(kbps, share, length, stretch)| {
            let mut world = World::new(seed);
            let (forth, back) = line(&mut world, kbps, 40);
            world.links[forth].loss = Loss::Bursts(share / (1.0 - share) / length, 1.0 / length);
            let flow = world.media(Media::lively(1_500), &[forth], &[back]);
            world.run(90.0);
            let possible = kbps as f64 * (1.0 - share);
            Row::new("losses in bursts", stretch)
                .with("used, 10–90 s", world.received(flow, 10.0, 90.0) / possible * 100.0, "%", Goal::AtLeast(75.0))
                .with("waits p95", world.wait(&[flow], 0.95, 10.0, 90.0), "ms", Goal::AtMost(150.0))
        })
        .collect()
}

/// A fifth of all packets is lost by chance, whatever is sent: that is no line that drops what is too much.
pub fn much_is_lost_by_chance(seed: u64) -> Vec<Row> {
    [(Media::layers(&[150, 500, 1_500]), "layers", 300.0), (Media::lively(1_500), "lively", 550.0)]
        .into_iter()
        .map(|(media, stretch, least)| {
            let mut world = World::new(seed);
            let (forth, back) = line(&mut world, 1_000, 60);
            world.links[forth].loss = Loss::Independent(0.18);
            let flow = world.media(media, &[forth], &[back]);
            world.run(90.0);
            Row::new("1 Mbit/s, 18 % lost by chance", stretch).with(
                "got, 20–90 s",
                world.received(flow, 20.0, 90.0),
                "kbit/s",
                Goal::AtLeast(least),
            )
        })
        .collect()
}

/// What is too much is dropped, not queued: no delay tells of it, and short trains pass whole.
pub fn a_policer(seed: u64) -> Vec<Row> {
    [(150, 8_000.0, "150 kbit/s, 8 kB"), (300, 15_000.0, "300 kbit/s, 15 kB"), (700, 40_000.0, "700 kbit/s, 40 kB")]
        .into_iter()
        .map(|(kbps, burst, stretch)| {
            let mut world = World::new(seed);
            let (forth, back) = line(&mut world, 20_000, 40);
            world.links[forth].policer = Some(Policer::new(kbps, burst));
            let flow = world.media(Media::lively(1_500), &[forth], &[back]);
            world.run(30.0);
            let before = (world.links[forth].dropped, world.links[forth].entered);
            world.run(60.0);
            let link = &world.links[forth];
            let lost = (link.dropped - before.0) as f64 / (link.entered - before.1) as f64 * 100.0;
            Row::new("policer", stretch)
                .with("used, 30–90 s", world.received(flow, 30.0, 90.0) / kbps as f64 * 100.0, "%", Goal::AtLeast(75.0))
                .with("lost", lost, "%", Goal::AtMost(12.0))
        })
        .collect()
}

/// A satellite is handed over, a phone goes from one network to another: all packets take 40 ms longer from then on. That is no
/// queue, and no reason to send less.
pub fn a_path_that_becomes_longer(seed: u64) -> Vec<Row> {
    [(Media::layers(&[150, 500, 1_500]), "layers", 150.0), (Media::new(1_500), "continuous", 400.0)]
        .into_iter()
        .map(|(media, stretch, least)| {
            let mut world = World::new(seed);
            let (forth, back) = line(&mut world, 800, 60);
            let flow = world.media(media, &[forth], &[back]);
            world.run(40.0);
            for link in [forth, back] {
                world.links[link].delay += 40 * MS;
            }
            world.run(20.0);
            Row::new("path 40 ms longer", stretch)
                .with("longest gap, 40–60 s", world.longest_gap(flow, 40.0, 60.0), "ms", Goal::AtMost(1_000.0))
                .with("got", world.received(flow, 40.0, 60.0), "kbit/s", Goal::AtLeast(least))
        })
        .collect()
}

/// A quarter of what the receiver tells is lost: that makes neither a queue nor a slower line.
pub fn feedback_that_is_lost(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed);
    let (forth, back) = line(&mut world, 300, 100);
    world.links[back].loss = Loss::Independent(0.25);
    let flow = world.media(Media::new(1_500), &[forth], &[back]);
    world.run(90.0);
    vec![
        Row::new("300 kbit/s", "a quarter of the feedback is lost, 10–90 s")
            .with("used", world.received(flow, 10.0, 90.0) / 3.0, "%", Goal::AtLeast(85.0))
            .with("waits p95", world.wait(&[flow], 0.95, 10.0, 90.0), "ms", Goal::AtMost(120.0)),
    ]
}

/// Somebody else took most of a line with jitter, so that sound alone is left, and is gone: a look whether there is more must not
/// take the jitter for the line.
pub fn little_is_sent_beside_jitter(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed);
    let (forth, back) = line(&mut world, 400, 30);
    for link in [forth, back] {
        world.links[link].jitter = 25 * MS;
    }
    let flow = world.media(Media::layers(&[150, 500, 1_500]), &[forth], &[back]);
    world.run(10.0);
    world.links[forth].kbps = 70;
    world.run(15.0);
    world.links[forth].kbps = 400;
    world.run(35.0);
    vec![Row::new("400 – 70 – 400 kbit/s, jitter 25 ms", "400 kbit/s from 25 s").with(
        "lowest layer fits in",
        world.estimate_reaches(flow, 185.0, 25.0),
        "s",
        Goal::AtMost(15.0),
    )]
}
