//! The cases of RFC 8867.

use crate::figures::{Goal, Row};
use crate::media::Media;
use crate::network::MS;
use crate::random::Random;
use crate::world::World;

/// Standard deviation of the jitter in ms (RFC 8868 section 4.5.3).
const JITTER_MS: u64 = 5;
/// What the most of a flow's video is, in kbit/s.
const MOST: u64 = 1_500;
/// What a flow of video sends beside it in kbit/s: sound, and headers.
const BESIDE: f64 = 46.0;
/// What a plateau has to reach: share of it used in %, 95 % of the waits in ms, seconds until settled.
const USED: Goal = Goal::AtLeast(85.0);
const WAIT: Goal = Goal::AtMost(80.0);
const AFTER_FALL: f64 = 5.0;
const AFTER_RISE: f64 = 10.0;

/// Both directions of a path with jitter.
pub fn line(world: &mut World, kbps: u64, delay_ms: u64) -> (usize, usize) {
    let forth = world.link(kbps, delay_ms);
    let back = world.link(100_000, delay_ms);
    for link in [forth, back] {
        world.links[link].jitter = JITTER_MS * MS;
    }
    (forth, back)
}

/// Plays steps of capacity on a link and measures each plateau; `flows` share it.
fn plateaus(
    plan: &'static str,
    world: &mut World,
    link: usize,
    flows: &[usize],
    steps: &[(f64, u64)],
    end: f64,
) -> Vec<Row> {
    let most = (MOST as f64 + BESIDE) * flows.len() as f64;
    let mut rows = Vec::new();
    for (n, (at, kbps)) in steps.iter().enumerate() {
        let until = steps.get(n + 1).map_or(end, |next| next.0);
        world.links[link].kbps = *kbps;
        let possible = (*kbps as f64).min(most);
        let rose = n == 0 || *kbps > steps[n - 1].1;
        let from = at + if rose { AFTER_RISE } else { AFTER_FALL };
        world.run(from - at);
        let dropped = world.links[link].dropped;
        world.run(until - from);
        let dropped = world.links[link].dropped - dropped;
        let used: f64 = flows.iter().map(|flow| world.received(*flow, from, until)).sum();
        let settled = if rose {
            world.all_rise_to(flows, possible * 0.85, *at, until)
        } else {
            world.calms_to(flows, 80.0, *at, until)
        };
        rows.push(
            Row::new(plan, format!("{kbps} kbit/s from {at} s"))
                .with("used", used / possible * 100.0, "%", USED)
                .with("waits p95", world.wait(flows, 0.95, from, until), "ms", WAIT)
                .with("settled in", settled, "s", Goal::AtMost(if rose { AFTER_RISE } else { AFTER_FALL }))
                .with("dropped then", dropped as f64, "packets", Goal::AtMost(0.0)),
        );
    }
    rows
}

/// 5.1, with both delays.
pub fn variable_capacity(seed: u64) -> Vec<Row> {
    let steps = [(0.0, 1_000), (40.0, 2_500), (60.0, 600), (80.0, 1_000)];
    let mut rows = Vec::new();
    for (plan, delay) in [("5.1, 50 ms", 50), ("5.1, 100 ms", 100)] {
        let mut world = World::new(seed);
        let (forth, back) = line(&mut world, steps[0].1, delay);
        let flow = world.media(Media::new(MOST), &[forth], &[back]);
        rows.extend(plateaus(plan, &mut world, forth, &[flow], &steps, 100.0));
    }
    rows
}

/// 5.2.
pub fn variable_capacity_two_flows(seed: u64) -> Vec<Row> {
    let steps = [(0.0, 4_000), (25.0, 2_000), (50.0, 3_500), (75.0, 1_000), (100.0, 2_000)];
    let mut world = World::new(seed);
    let (forth, back) = line(&mut world, steps[0].1, 50);
    let flows = [0, 1].map(|_| world.media(Media::new(MOST), &[forth], &[back]));
    plateaus("5.2", &mut world, forth, &flows, &steps, 125.0)
}

/// 5.3: what the one tells of the other waits in the same queue as what it sends.
pub fn congested_feedback(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed);
    let (forth, back) = line(&mut world, 2_000, 50);
    world.links[back].kbps = 2_000;
    let there = world.media(Media::new(MOST), &[forth], &[back]);
    let here = world.media(Media::new(MOST), &[back], &[forth]);
    for (at, forth_kbps, back_kbps, until) in [
        (0.0, 2_000, 2_000, 20.0),
        (20.0, 1_000, 2_000, 35.0),
        (35.0, 1_000, 800, 40.0),
        (40.0, 500, 800, 60.0),
        (60.0, 2_000, 800, 70.0),
        (70.0, 2_000, 2_000, 100.0),
    ] {
        world.links[forth].kbps = forth_kbps;
        world.links[back].kbps = back_kbps;
        world.run(until - at);
    }
    let row = |name: &str, flow, kbps: u64, from, until| {
        let possible = (kbps as f64).min(MOST as f64 + BESIDE);
        Row::new("5.3", format!("{name}, {kbps} kbit/s, {from}–{until} s"))
            .with("used", world.received(flow, from, until) / possible * 100.0, "%", USED)
            .with("waits p95", world.wait(&[flow], 0.95, from, until), "ms", WAIT)
    };
    vec![
        row("forth", there, 2_000, 10.0, 20.0),
        row("forth", there, 1_000, 25.0, 40.0),
        row("forth", there, 500, 45.0, 60.0),
        row("forth", there, 2_000, 70.0, 100.0),
        row("back", here, 2_000, 10.0, 35.0),
        row("back", here, 800, 40.0, 70.0),
        row("back", here, 2_000, 80.0, 100.0),
    ]
}

/// 5.4.
pub fn three_flows(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed);
    let (forth, back) = line(&mut world, 3_500, 50);
    let mut flows = Vec::new();
    let mut rows = Vec::new();
    for (at, until) in [(0.0, 20.0), (20.0, 40.0), (40.0, 120.0)] {
        flows.push(world.media(Media::new(MOST), &[forth], &[back]));
        world.run(until - at);
        let from = at + AFTER_RISE;
        let rates: Vec<f64> = flows.iter().map(|flow| world.received(*flow, from, until)).collect();
        let possible = ((MOST as f64 + BESIDE) * flows.len() as f64).min(3_500.0);
        let most = rates.iter().copied().fold(0.0, f64::max);
        let least = rates.iter().copied().fold(f64::MAX, f64::min);
        rows.push(
            Row::new("5.4", format!("{} flows, {from}–{until} s", flows.len()))
                .with("used", rates.iter().sum::<f64>() / possible * 100.0, "%", USED)
                .with("waits p95", world.wait(&flows, 0.95, from, until), "ms", WAIT)
                .with("most to least", most / least, "", Goal::AtMost(2.0)),
        );
    }
    rows
}

/// 5.5: five flows share a line, one after the other comes, and each has a round trip of its own.
pub fn flows_with_different_round_trips(seed: u64) -> Vec<Row> {
    let nearest = 10;
    let mut world = World::new(seed);
    let (shared, _) = line(&mut world, 4_000, nearest);
    let mut flows = Vec::new();
    for delay_ms in [10, 25, 50, 100, 150] {
        let own = world.link(100_000, delay_ms - nearest);
        let back = world.link(100_000, delay_ms);
        world.links[back].jitter = JITTER_MS * MS;
        flows.push(world.media(Media::new(MOST), &[shared, own], &[back]));
        world.run(10.0);
    }
    world.run(250.0);
    let rates: Vec<f64> = flows.iter().map(|flow| world.received(*flow, 60.0, 300.0)).collect();
    let most = rates.iter().copied().fold(0.0, f64::max);
    let least = rates.iter().copied().fold(f64::MAX, f64::min);
    vec![
        Row::new("5.5", "round trips of 20 to 300 ms, 60–300 s")
            .with("used", rates.iter().sum::<f64>() / 40.0, "%", USED)
            .with("waits p95", world.wait(&flows, 0.95, 60.0, 300.0), "ms", Goal::AtMost(100.0))
            .with("most to least", most / least, "", Goal::AtMost(2.0))
            .with("least", least, "kbit/s", Goal::AtLeast(400.0)),
    ]
}

/// Two flows alike on a line that is too narrow for both, the second one ten seconds late.
pub fn two_equal_flows(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed);
    let (forth, back) = line(&mut world, 2_000, 50);
    let first = world.media(Media::new(MOST), &[forth], &[back]);
    world.run(10.0);
    let second = world.media(Media::new(MOST), &[forth], &[back]);
    world.run(110.0);
    let rate = |flow| world.received(flow, 40.0, 120.0);
    vec![
        Row::new("two equal flows", "2000 kbit/s, 40–120 s")
            .with("used", (rate(first) + rate(second)) / 2_000.0 * 100.0, "%", USED)
            .with("waits p95", world.wait(&[first, second], 0.95, 40.0, 120.0), "ms", WAIT)
            .with("one to the other", rate(second) / rate(first), "", Goal::Within(0.75, 1.33)),
    ]
}

/// 5.6, with both lengths of the queue.
pub fn against_long_tcp(seed: u64) -> Vec<Row> {
    [("5.6, 300 ms", 300), ("5.6, 1000 ms", 1_000)]
        .into_iter()
        .map(|(plan, queue_ms)| {
            let mut world = World::new(seed);
            let (forth, back) = line(&mut world, 2_000, 50);
            world.links[forth].queue_ms = queue_ms;
            let tcp = world.tcp(&[forth], &[back], (0.0, 119.0), None);
            world.run(5.0);
            let flow = world.media(Media::new(MOST), &[forth], &[back]);
            world.run(115.0);
            let (media, tcp) = (world.received(flow, 20.0, 119.0), world.received(tcp, 20.0, 119.0));
            Row::new(plan, "2000 kbit/s, 20–119 s")
                .with("media", media / 20.0, "% of the line", Goal::Within(10.0, 80.0))
                .with("TCP", tcp / 20.0, "% of the line", Goal::AtLeast(20.0))
        })
        .collect()
}

/// 5.7: two flows, and ten who fetch something now and then.
pub fn against_short_tcp(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed);
    let mut random = Random::new(seed ^ 0x57);
    let (forth, back) = line(&mut world, 2_000, 50);
    let mut fetched = Vec::new();
    for _ in 0..10 {
        let mut at = random.uniform() * 10.0;
        while at < 290.0 {
            let segments = (30_000.0 + 20_000.0 * random.uniform()) as u64 / 1_432;
            fetched.push((world.tcp(&[forth], &[back], (at, 300.0), Some(segments)), segments));
            at += 2.0 - 10.0 * (1.0 - random.uniform()).ln();
        }
    }
    world.run(5.0);
    let flows = [0, 1].map(|_| world.media(Media::new(MOST), &[forth], &[back]));
    world.run(295.0);
    let media: f64 = flows.iter().map(|flow| world.received(*flow, 20.0, 300.0)).sum();
    let tcp: f64 = fetched.iter().map(|(flow, _)| world.received(*flow, 20.0, 300.0)).sum();
    let ratio = world.received(flows[1], 20.0, 300.0) / world.received(flows[0], 20.0, 300.0);
    let times: Vec<f64> = fetched.iter().filter_map(|(flow, _)| world.fetch_time(*flow)).collect();
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    vec![
        Row::new("5.7", "2000 kbit/s, 20–300 s")
            .with("media", media / (2_000.0 - tcp) * 100.0, "% of what TCP left", Goal::AtLeast(60.0))
            .with("one to the other", ratio, "", Goal::Within(0.75, 1.33))
            .with("fetched in", mean, "s on average", Goal::AtMost(2.0))
            .with("fetched", times.len() as f64 / fetched.len() as f64 * 100.0, "%", Goal::AtLeast(98.0)),
    ]
}

/// 5.8: the second of three flows pauses from 40 to 60 s.
pub fn pause_and_resume(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed);
    let (forth, back) = line(&mut world, 3_500, 50);
    let flows = [0, 1, 2].map(|_| world.media(Media::new(MOST), &[forth], &[back]));
    let mut rows = Vec::new();
    for (at, until, paused) in [(0.0, 40.0, false), (40.0, 60.0, true), (60.0, 120.0, false)] {
        world.flow(flows[1]).media.paused = paused;
        world.run(until - at);
        let from = at + AFTER_RISE;
        let sending: Vec<usize> = flows.iter().copied().filter(|flow| !paused || *flow != flows[1]).collect();
        let used: f64 = sending.iter().map(|flow| world.received(*flow, from, until)).sum();
        let possible = ((MOST as f64 + BESIDE) * sending.len() as f64).min(3_500.0);
        rows.push(
            Row::new("5.8", format!("{} flows, {from}–{until} s", sending.len()))
                .with("used", used / possible * 100.0, "%", USED)
                .with("waits p95", world.wait(&sending, 0.95, from, until), "ms", WAIT),
        );
    }
    let rate = |flow: usize| world.received(flows[flow], 80.0, 120.0);
    rows.push(Row::new("5.8", "after the pause, 80–120 s").with(
        "second to first",
        rate(1) / rate(0),
        "",
        Goal::Within(0.5, 2.0),
    ));
    rows
}

/// 6.3: one flow crosses two bottlenecks, each of which another flow shares.
pub fn two_bottlenecks(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed);
    let [ab, bc, cd] = [(2_000, 20), (8_000, 60), (1_500, 20)].map(|(kbps, delay)| world.link(kbps, delay));
    let back = world.link(100_000, 100);
    let near = world.link(100_000, 40);
    world.links[ab].jitter = JITTER_MS * MS;
    world.links[cd].jitter = JITTER_MS * MS;
    let long = world.media(Media::new(MOST), &[ab, bc, cd], &[back]);
    let first = world.media(Media::new(MOST), &[ab], &[near]);
    let second = world.media(Media::new(MOST), &[cd], &[near]);
    world.run(300.0);
    let rate = |flow| world.received(flow, 30.0, 300.0);
    vec![
        Row::new("6.3", "30–300 s")
            .with("A–B used", (rate(long) + rate(first)) / 20.0, "%", USED)
            .with("C–D used", (rate(long) + rate(second)) / 15.0, "%", USED)
            .with("waits p95", world.wait(&[long, first, second], 0.95, 30.0, 300.0), "ms", Goal::AtMost(100.0))
            .with("long flow", rate(long), "kbit/s", Goal::AtLeast(150.0)),
    ]
}
