//! The estimator over bad lines, in virtual time: plans of conditions, media, run and check, judged over seeds.
//!
//! `cargo test --test estimation -- --nocapture` prints what was measured.

// Not every plan uses every part.
#![allow(dead_code)]

mod media;
mod network;
mod random;
mod tcp;
mod world;

use media::Media;
use world::World;

/// Rows of what was measured, of all seeds.
const SEEDS: [u64; 3] = [42, 43, 44];

fn line(world: &mut World, kbps: u64, delay_ms: u64, jitter_ms: u64) -> (usize, usize) {
    let forth = world.link(kbps, delay_ms);
    let back = world.link(100_000, delay_ms);
    for link in [forth, back] {
        world.links[link].jitter = jitter_ms * network::MS;
    }
    (forth, back)
}

/// Steps of capacity, and what became of each plateau.
fn steps(name: &str, seed: u64, steps: &[(f64, u64)], end: f64, delay_ms: u64, jitter_ms: u64, max: u64) -> World {
    let mut world = World::new(name, seed);
    let (forth, back) = line(&mut world, steps[0].1, delay_ms, jitter_ms);
    world.media(Media::new(max), &[forth], &[back]);
    for (n, (at, kbps)) in steps.iter().enumerate() {
        world.links[forth].kbps = *kbps;
        let until = steps.get(n + 1).map_or(end, |next| next.0);
        world.run(until - at);
        let possible = (*kbps as f64).min(max as f64 + 46.0);
        let rose = n == 0 || *kbps > steps[n - 1].1;
        let settle =
            if rose { world.rises_to(0, possible * 0.85, *at, until) } else { world.calms_to(0, 80.0, *at, until) };
        let from = at + if rose { 10.0 } else { 5.0 };
        println!(
            "{name:28} seed {seed} {kbps:5} kbit/s: used {:3.0} % settled, {:3.0} % all; wait p50 {:3.0} p95 {:3.0} settled, p95 {:3.0} all; {} {settle:.1} s",
            world.received(0, from, until) / possible * 100.0,
            world.received(0, *at, until) / possible * 100.0,
            world.wait(0.5, from, until),
            world.wait(0.95, from, until),
            world.wait(0.95, *at, until),
            if rose { "risen in" } else { "calm in" },
        );
    }
    world
}

#[test]
fn rfc_8867_5_1_variable_capacity() {
    for seed in SEEDS {
        for delay in [50, 100] {
            let world = steps(
                &format!("5.1 {delay} ms"),
                seed,
                &[(0.0, 1_000), (40.0, 2_500), (60.0, 600), (80.0, 1_000)],
                100.0,
                delay,
                5,
                1_500,
            );
            world.check("the line is used", world.received(0, 10.0, 40.0) >= 900.0);
        }
    }
}
