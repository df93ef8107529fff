//! The lines of our users: thin ones, wide ones, lossy ones, and such as go away.

use crate::figures::{Goal, Row};
use crate::media::Media;
use crate::network::{Loss, MS};
use crate::rfc8867::line;
use crate::world::World;

/// A call of two on 300 kbit/s, from its first packet on: nothing may stand in the queue that the first picture has to
/// wait for.
pub fn first_seconds_of_a_thin_line(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed);
    let (forth, back) = line(&mut world, 300, 40);
    let flow = world.media(Media::new(1_500), &[forth], &[back]);
    world.run(60.0);
    vec![
        Row::new("300 kbit/s", "0–10 s")
            .with("waits p95", world.wait(&[flow], 0.95, 0.0, 10.0), "ms", Goal::AtMost(100.0))
            .with("longest gap", world.longest_gap(flow, 0.3, 10.0), "ms", Goal::AtMost(300.0))
            .with("dropped", world.links[forth].dropped as f64, "packets", Goal::AtMost(0.0)),
        Row::new("300 kbit/s", "10–60 s")
            .with("used", world.received(flow, 10.0, 60.0) / 3.0, "%", Goal::AtLeast(85.0))
            .with("waits p95", world.wait(&[flow], 0.95, 10.0, 60.0), "ms", Goal::AtMost(80.0)),
    ]
}

/// The same, of frames as different as a browser makes them, for long.
pub fn a_thin_line_of_a_browser(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed);
    let (forth, back) = line(&mut world, 300, 40);
    for link in [forth, back] {
        world.links[link].jitter = MS;
    }
    let flow = world.media(Media::lively(1_500), &[forth], &[back]);
    world.run(120.0);
    vec![
        Row::new("300 kbit/s, lively", "10–120 s")
            .with("used", world.received(flow, 10.0, 120.0) / 3.0, "%", Goal::AtLeast(85.0))
            .with("waits p50", world.wait(&[flow], 0.5, 10.0, 120.0), "ms", Goal::AtMost(40.0))
            .with("waits p95", world.wait(&[flow], 0.95, 10.0, 120.0), "ms", Goal::AtMost(100.0)),
    ]
}

/// Fast from 300 kbit/s to all that is wanted.
pub fn first_seconds_of_a_wide_line(seed: u64) -> Vec<Row> {
    [(40, "20 Mbit/s, 40 ms", 1.5), (5, "20 Mbit/s, 5 ms", 1.5), (150, "20 Mbit/s, 150 ms", 2.5)]
        .into_iter()
        .map(|(delay, plan, most)| {
            let mut world = World::new(seed);
            let (forth, back) = line(&mut world, 20_000, delay);
            let flow = world.media(Media::new(2_500), &[forth], &[back]);
            world.run(15.0);
            Row::new(plan, "from 300 kbit/s")
                .with("1 Mbit/s in", world.estimate_reaches(flow, 1_000.0, 0.0), "s", Goal::AtMost(most))
                .with("2.5 Mbit/s in", world.estimate_reaches(flow, 2_500.0, 0.0), "s", Goal::AtMost(most + 1.0))
        })
        .collect()
}

/// What a bridge sends are layers: it cannot send a little more to see whether that fits.
pub fn layers_of_fixed_rates_on_a_wide_line(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed);
    let (forth, back) = line(&mut world, 20_000, 40);
    let flow = world.media(Media::layers(&[150, 500, 1_800]), &[forth], &[back]);
    world.run(15.0);
    vec![
        Row::new("20 Mbit/s, layers", "from 300 kbit/s")
            .with("best layer fits in", world.estimate_reaches(flow, 1_850.0, 0.0), "s", Goal::AtMost(2.0))
            .with("best layer arrives in", world.rises_to(flow, 1_700.0, 0.0, 15.0), "s", Goal::AtMost(4.0)),
    ]
}

/// A call of sound, in which somebody switches a camera on.
pub fn more_is_wanted_later(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed);
    let (forth, back) = line(&mut world, 20_000, 40);
    let flow = world.media(Media::layers(&[0]), &[forth], &[back]);
    world.run(20.4);
    world.flow(flow).media = Media::layers(&[150, 500, 1_800]);
    world.run(20.0);
    vec![Row::new("20 Mbit/s, sound", "camera on at 20.4 s").with(
        "best layer fits in",
        world.estimate_reaches(flow, 1_850.0, 20.4),
        "s",
        Goal::AtMost(1.5),
    )]
}

/// 2 Mbit/s, then 300 kbit/s, then 2 Mbit/s.
fn fall_and_rise_of(plan: &'static str, seed: u64, media: Media, goals: (f64, f64)) -> Vec<Row> {
    let mut world = World::new(seed);
    let (forth, back) = line(&mut world, 2_000, 40);
    let flow = world.media(media, &[forth], &[back]);
    fall_and_rise_in(plan, world, (flow, forth), goals)
}

fn fall_and_rise_in(
    plan: &'static str,
    mut world: World,
    (flow, forth): (usize, usize),
    (thin, wide): (f64, f64),
) -> Vec<Row> {
    world.run(30.0);
    world.links[forth].kbps = 300;
    world.run(5.0);
    let dropped = world.links[forth].dropped;
    world.run(25.0);
    let dropped = world.links[forth].dropped - dropped;
    world.links[forth].kbps = 2_000;
    world.run(30.0);
    vec![
        Row::new(plan, "300 kbit/s from 30 s")
            .with("calm in", world.calms_to(&[flow], 100.0, 30.0, 60.0), "s", Goal::AtMost(5.0))
            // Of the second that a picture may be away half is for the keyframe of a smaller layer, which nobody waits for
            // here.
            .with("longest gap", world.longest_gap(flow, 30.0, 40.0), "ms", Goal::AtMost(500.0))
            .with("waits p95", world.wait(&[flow], 0.95, 35.0, 60.0), "ms", Goal::AtMost(80.0))
            .with("got", world.received(flow, 40.0, 60.0), "kbit/s", Goal::AtLeast(thin))
            .with("dropped", dropped as f64, "packets", Goal::AtMost(0.0)),
        Row::new(plan, "2 Mbit/s from 60 s")
            .with("back in", world.rises_to(flow, wide, 60.0, 90.0), "s", Goal::AtMost(5.0))
            .with("waits p95", world.wait(&[flow], 0.95, 60.0, 90.0), "ms", Goal::AtMost(80.0)),
    ]
}

pub fn fall_and_rise(seed: u64) -> Vec<Row> {
    fall_and_rise_of("2 – 0.3 – 2 Mbit/s", seed, Media::new(1_500), (255.0, 1_300.0))
}

pub fn fall_and_rise_of_layers(seed: u64) -> Vec<Row> {
    fall_and_rise_of("2 – 0.3 – 2 Mbit/s, layers", seed, Media::layers(&[150, 500, 1_500]), (140.0, 1_400.0))
}

/// The same towards receivers that tell by source what arrived (RFC 8888), in steps of a millisecond.
pub fn fall_and_rise_told_by_source(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed);
    let (forth, back) = line(&mut world, 2_000, 40);
    let flow = world.media(Media::new(1_500), &[forth], &[back]);
    world.flow(flow).tell_by_source();
    fall_and_rise_in("2 – 0.3 – 2 Mbit/s, RFC 8888", world, (flow, forth), (255.0, 1_300.0))
}

/// The same towards receivers that tell nothing of single packets: with reports alone, and with their own estimate (REMB).
pub fn fall_and_rise_told_in_sums(seed: u64) -> Vec<Row> {
    let plans = [
        (false, Media::new(1_500), "2 – 0.3 – 2 Mbit/s, reports"),
        (true, Media::new(1_500), "2 – 0.3 – 2 Mbit/s, REMB"),
        (false, Media::layers(&[150, 500, 1_500]), "2 – 0.3 – 2 Mbit/s, layers, reports"),
        (true, Media::layers(&[150, 500, 1_500]), "2 – 0.3 – 2 Mbit/s, layers, REMB"),
    ];
    let mut rows = Vec::new();
    for (remb, media, plan) in plans {
        let mut world = World::new(seed);
        let (forth, back) = line(&mut world, 2_000, 40);
        let thin = if media.layers.is_empty() { 220.0 } else { 130.0 };
        let flow = world.media(media, &[forth], &[back]);
        world.flow(flow).tell_sums(remb);
        world.run(30.0);
        world.links[forth].kbps = 300;
        world.run(30.0);
        world.links[forth].kbps = 2_000;
        world.run(30.0);
        rows.extend([
            Row::new(plan, "2 Mbit/s from 0 s").with(
                "1.3 Mbit/s in",
                world.rises_to(flow, 1_300.0, 0.0, 30.0),
                "s",
                Goal::AtMost(18.0),
            ),
            Row::new(plan, "300 kbit/s from 30 s")
                .with("calm in", world.calms_to(&[flow], 150.0, 30.0, 60.0), "s", Goal::AtMost(10.0))
                .with("waits p95", world.wait(&[flow], 0.95, 40.0, 60.0), "ms", Goal::AtMost(120.0))
                .with("got", world.received(flow, 40.0, 60.0), "kbit/s", Goal::AtLeast(thin)),
            Row::new(plan, "2 Mbit/s from 60 s")
                .with("back in", world.rises_to(flow, 1_300.0, 60.0, 90.0), "s", Goal::AtMost(14.0))
                .with("waits p95", world.wait(&[flow], 0.95, 60.0, 90.0), "ms", Goal::AtMost(80.0)),
        ]);
    }
    rows
}

/// An outage, a line that loses packets, and a minute without pictures, towards such receivers.
pub fn bad_lines_told_in_sums(seed: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    for (remb, plan) in [(false, "bad lines, reports"), (true, "bad lines, REMB")] {
        let mut world = World::new(seed);
        let (forth, back) = line(&mut world, 2_000, 40);
        world.links[forth].loss = Loss::Independent(0.03);
        let flow = world.media(Media::new(1_500), &[forth], &[back]);
        world.flow(flow).tell_sums(remb);
        world.run(30.0);
        (world.links[forth].down, world.links[back].down) = (true, true);
        world.run(10.0);
        (world.links[forth].down, world.links[back].down) = (false, false);
        world.run(30.0);
        // Sound alone over 60 kbit/s, then pictures over 2 Mbit/s.
        world.flow(flow).media = Media::layers(&[0]);
        world.links[forth].kbps = 60;
        world.run(60.0);
        world.links[forth].kbps = 2_000;
        world.flow(flow).media = Media::layers(&[150, 500, 1_500]);
        world.run(30.0);
        rows.extend([
            Row::new(plan, "3 % loss, 15–30 s").with(
                "got",
                world.received(flow, 15.0, 30.0),
                "kbit/s",
                Goal::AtLeast(700.0),
            ),
            Row::new(plan, "outage of 10 s").with(
                "back in",
                1.0 + world.rises_to(flow, 1_200.0, 41.0, 70.0),
                "s",
                Goal::AtMost(15.0),
            ),
            Row::new(plan, "60 kbit/s for a minute, then 2 Mbit/s")
                .with("lowest layer fits in", world.estimate_reaches(flow, 200.0, 130.0), "s", Goal::AtMost(10.0))
                .with("second layer fits in", world.estimate_reaches(flow, 550.0, 130.0), "s", Goal::AtMost(14.0)),
        ]);
    }
    rows
}

/// An outage, and a line that loses packets, towards such a receiver.
pub fn bad_lines_told_by_source(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed);
    let (forth, back) = line(&mut world, 300, 40);
    world.links[forth].loss = Loss::Independent(0.03);
    let flow = world.media(Media::new(1_500), &[forth], &[back]);
    world.flow(flow).tell_by_source();
    world.run(60.0);
    (world.links[forth].down, world.links[back].down) = (true, true);
    world.run(10.0);
    (world.links[forth].down, world.links[back].down) = (false, false);
    world.run(30.0);
    vec![
        Row::new("RFC 8888, 300 kbit/s", "3 % loss, 10–60 s")
            .with("used", world.received(flow, 10.0, 60.0) / 300.0 / 0.97 * 100.0, "%", Goal::AtLeast(80.0))
            .with("waits p95", world.wait(&[flow], 0.95, 10.0, 60.0), "ms", Goal::AtMost(100.0)),
        Row::new("RFC 8888, 300 kbit/s", "outage of 10 s")
            .with("something arrives in", world.first_after(flow, 70.0), "ms", Goal::AtMost(1_000.0))
            .with("back in", 1.0 + world.rises_to(flow, 240.0, 71.0, 100.0), "s", Goal::AtMost(5.0)),
    ]
}

/// 300 kbit/s that loses packets whatever is sent.
pub fn random_loss_on_a_thin_line(seed: u64) -> Vec<Row> {
    [(0.01, "1 %"), (0.03, "3 %"), (0.05, "5 %"), (0.1, "10 %")]
        .into_iter()
        .map(|(share, name)| {
            let mut world = World::new(seed);
            let (forth, back) = line(&mut world, 300, 40);
            world.links[forth].loss = Loss::Independent(share);
            let flow = world.media(Media::new(1_500), &[forth], &[back]);
            world.run(90.0);
            Row::new("300 kbit/s with loss", format!("{name}, 10–90 s"))
                .with(
                    "used",
                    world.received(flow, 10.0, 90.0) / (300.0 * (1.0 - share)) * 100.0,
                    "%",
                    Goal::AtLeast(80.0),
                )
                .with("waits p95", world.wait(&[flow], 0.95, 10.0, 90.0), "ms", Goal::AtMost(100.0))
        })
        .collect()
}

/// Nothing passes for a while.
pub fn outages(seed: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    for (kbps, seconds, stretch) in
        [(300, 10.0, "300 kbit/s, 10 s"), (300, 30.0, "300 kbit/s, 30 s"), (2_000, 30.0, "2 Mbit/s, 30 s")]
    {
        let mut world = World::new(seed);
        let (forth, back) = line(&mut world, kbps, 40);
        let flow = world.media(Media::new(1_500), &[forth], &[back]);
        world.run(20.0);
        (world.links[forth].down, world.links[back].down) = (true, true);
        world.run(seconds);
        (world.links[forth].down, world.links[back].down) = (false, false);
        let at = 20.0 + seconds;
        world.run(30.0);
        let possible = (kbps as f64).min(1_546.0);
        rows.push(
            Row::new("outage", stretch)
                .with("something arrives in", world.first_after(flow, at), "ms", Goal::AtMost(1_000.0))
                .with(
                    "waits p95 from 1 s on",
                    world.wait(&[flow], 0.95, at + 1.0, at + 10.0),
                    "ms",
                    Goal::AtMost(150.0),
                )
                .with(
                    "back in",
                    1.0 + world.rises_to(flow, possible * 0.8, at + 1.0, at + 30.0),
                    "s",
                    Goal::AtMost(5.0),
                ),
        );
    }
    rows
}

/// A line that comes back thinner than it was, with two seconds of what was sent into it in front of all else.
pub fn outages_behind_a_long_queue(seed: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    for (seconds, stretch) in [(10.0, "2 to 0.7 Mbit/s, 10 s"), (30.0, "2 to 0.7 Mbit/s, 30 s")] {
        let mut world = World::new(seed);
        let (forth, back) = line(&mut world, 2_000, 40);
        world.links[forth].queue_ms = 2_000;
        let flow = world.media(Media::new(1_500), &[forth], &[back]);
        world.run(20.0);
        (world.links[forth].down, world.links[back].down) = (true, true);
        world.run(seconds);
        world.links[forth].kbps = 700;
        (world.links[forth].down, world.links[back].down) = (false, false);
        let at = 20.0 + seconds;
        world.run(30.0);
        rows.push(
            Row::new("outage, queue of 2 s", stretch)
                .with("calm in", world.calms_to(&[flow], 200.0, at, at + 30.0), "s", Goal::AtMost(6.0))
                .with("back in", 1.0 + world.rises_to(flow, 560.0, at + 1.0, at + 30.0), "s", Goal::AtMost(5.0)),
        );
    }
    rows
}

/// Everything is paused while the line is thin, and for a minute; then the line is wide again.
pub fn paused_while_the_line_was_away(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed);
    let (forth, back) = line(&mut world, 2_000, 40);
    let flow = world.media(Media::layers(&[150, 500, 1_500]), &[forth], &[back]);
    world.run(20.0);
    world.links[forth].kbps = 60;
    world.run(10.0);
    world.flow(flow).media.paused = true;
    world.run(60.0);
    world.links[forth].kbps = 2_000;
    world.flow(flow).media.paused = false;
    world.run(20.0);
    vec![
        Row::new("all paused for 60 s", "60 kbit/s, then 2 Mbit/s")
            .with("lowest layer fits in", world.estimate_reaches(flow, 200.0, 90.0), "s", Goal::AtMost(2.0))
            .with("second layer fits in", world.estimate_reaches(flow, 550.0, 90.0), "s", Goal::AtMost(3.0)),
    ]
}

/// A wide line whose packets take up to 300 ms longer than others and overtake each other: that is no queue. The receiver
/// does not tell of what comes after its loss was told, as browsers do; half of all packets look lost.
pub fn packets_overtake_each_other(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed);
    let (forth, back) = (world.link(20_000, 50), world.link(100_000, 50));
    for link in [forth, back] {
        world.links[link].scatter = 300 * MS;
        world.links[link].loss = Loss::Independent(0.03);
    }
    let flow = world.media(Media::new(1_500), &[forth], &[back]);
    world.run(60.0);
    vec![
        Row::new("20 Mbit/s, scattered over 300 ms, 3 % loss", "10–60 s")
            .with("got", world.received(flow, 10.0, 60.0), "kbit/s", Goal::AtLeast(500.0))
            .with("longest gap", world.longest_gap(flow, 5.0, 60.0), "ms", Goal::AtMost(1_000.0)),
    ]
}

/// Packets take longer by chance, and those behind them wait for them: that is no queue either, though it looks like one.
pub fn packets_hold_each_other_up(seed: u64) -> Vec<Row> {
    let lines = [
        (20_000, 10 * MS, 0, "20 Mbit/s, jitter 10 ms"),
        (20_000, 20 * MS, 0, "20 Mbit/s, jitter 20 ms"),
        (20_000, 33 * MS, 0, "20 Mbit/s, jitter 33 ms"),
        (20_000, 0, 20 * MS, "20 Mbit/s, stalls 20 ms"),
        (20_000, 0, 40 * MS, "20 Mbit/s, stalls 40 ms"),
        (1_000, 20 * MS, 0, "1 Mbit/s, jitter 20 ms"),
        (1_000, 0, 20 * MS, "1 Mbit/s, stalls 20 ms"),
        (300, 15 * MS, 0, "300 kbit/s, jitter 15 ms"),
        (300, 0, 15 * MS, "300 kbit/s, stalls 15 ms"),
    ];
    let mut rows = Vec::new();
    for (kbps, jitter, stalls, plan) in lines {
        for layers in [false, true] {
            let mut world = World::new(seed);
            let (forth, back) = line(&mut world, kbps, 40);
            for link in [forth, back] {
                (world.links[link].jitter, world.links[link].stalls) = (jitter, stalls);
            }
            let media = if layers { Media::layers(&[150, 500, 1_500]) } else { Media::lively(1_500) };
            let flow = world.media(media, &[forth], &[back]);
            world.run(60.0);
            // Of a queue of 300 ms, which a layer fills that is tried again and again.
            let most = if layers {
                300.0
            } else if stalls > 0 {
                250.0
            } else {
                100.0
            };
            let possible = match (layers, kbps) {
                (true, 300) => 150.0,
                (true, 1_000) => 500.0,
                _ => 1_500.0_f64.min(kbps as f64),
            };
            rows.push(
                Row::new(plan, if layers { "layers, 10–60 s" } else { "10–60 s" })
                    .with("got", world.received(flow, 10.0, 60.0), "kbit/s", Goal::AtLeast(possible * 0.85))
                    .with("longest gap", world.longest_gap(flow, 5.0, 60.0), "ms", Goal::AtMost(500.0))
                    .with("waits p95", world.wait(&[flow], 0.95, 10.0, 60.0), "ms", Goal::AtMost(most)),
            );
        }
    }
    rows
}
