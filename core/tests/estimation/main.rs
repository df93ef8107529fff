//! The estimator over bad lines, in virtual time: plans of conditions, media, run and check, judged over seeds.
//!
//! The figures beside their goals, as a table:
//! `cargo test --release --test estimation -- --ignored --nocapture figures`; `PLANS=thin_line` in front of it prints those alone
//! whose names have this in them, `SEEDS=48` plays each with so many.

mod classes;
mod drawn;
mod encoder;
mod figures;
mod forwarding;
mod lines;
mod media;
mod network;
mod queueing;
mod radio;
mod random;
mod rfc8867;
mod search;
mod sums;
mod tcp;
mod world;

use figures::Row;

/// Chance differs between these.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=12;

/// A plan, played with one seed.
type Plan = fn(u64) -> Vec<Row>;

fn reaches_its_goals(plan: Plan) {
    let seeds: Vec<Vec<Row>> = SEEDS.map(plan).collect();
    let missed = figures::missed(&seeds);
    assert!(missed.is_empty(), "\n{}", missed.join("\n"));
}

macro_rules! plans {
    ($($plan:ident from $module:ident),* $(,)?) => {
        $(
            #[test]
            fn $plan() {
                reaches_its_goals($module::$plan);
            }
        )*

        const PLANS: &[(&str, Plan)] = &[$((stringify!($plan), $module::$plan)),*];
    };
}

plans![
    variable_capacity from rfc8867,
    variable_capacity_two_flows from rfc8867,
    congested_feedback from rfc8867,
    three_flows from rfc8867,
    flows_with_different_round_trips from rfc8867,
    two_equal_flows from rfc8867,
    against_long_tcp from rfc8867,
    against_short_tcp from rfc8867,
    pause_and_resume from rfc8867,
    two_bottlenecks from rfc8867,
    first_seconds_of_a_thin_line from lines,
    a_thin_line_of_a_browser from lines,
    first_seconds_of_a_wide_line from lines,
    layers_of_fixed_rates_on_a_wide_line from lines,
    more_is_wanted_later from lines,
    fall_and_rise from lines,
    fall_and_rise_of_layers from lines,
    fall_and_rise_told_by_source from lines,
    bad_lines_told_by_source from lines,
    fall_and_rise_told_in_sums from lines,
    bad_lines_told_in_sums from lines,
    random_loss_on_a_thin_line from lines,
    fall_and_rise_of_a_forwarded_picture from forwarding,
    fall_and_rise_both_ways from forwarding,
    outages from lines,
    outages_behind_a_long_queue from lines,
    paused_while_the_line_was_away from lines,
    packets_overtake_each_other from lines,
    packets_hold_each_other_up from lines,
    losses_in_bursts from radio,
    much_is_lost_by_chance from radio,
    a_policer from radio,
    a_path_that_becomes_longer from radio,
    feedback_that_is_lost from radio,
    little_is_sent_beside_jitter from radio,
];

#[test]
#[ignore = "prints the figures for docs/adaptation.md"]
fn figures() {
    let only = std::env::var("PLANS").unwrap_or_default();
    let plans = PLANS.iter().filter(|(name, _)| name.contains(&only));
    let seeds = 1..=number("SEEDS", *SEEDS.end());
    let seeds: Vec<Vec<Row>> = seeds.map(|seed| plans.clone().flat_map(|(_, plan)| plan(seed)).collect()).collect();
    println!("{}", figures::table(&seeds));
}

#[test]
#[ignore = "looks for lines that the estimator is bad on, by chance"]
fn search() {
    let (from, lines) = (number("FROM", 1), number("LINES", 400));
    let found: Vec<_> = (from..from + lines).map(|seed| search::play(drawn::Drawn::new(seed), lines == 1)).collect();
    println!("{}", search::report(&found, number("WORST", 8) as usize));
}

#[test]
#[ignore = "plays lines that are bad in one way each"]
fn bad_in_one_way() {
    let only = std::env::var("CLASS").unwrap_or_default();
    let (from, lines, worst) = (number("FROM", 1), number("LINES", 100), number("WORST", 3) as usize);
    for class in classes::CLASSES.iter().filter(|(name, _)| name.contains(&only)) {
        let played = (from..from + lines).map(|seed| search::play(classes::draw(class, seed), lines == 1));
        println!("# {}\n{}", class.0, search::report(&played.collect::<Vec<_>>(), worst));
    }
}

/// What the environment says, or else `without`.
fn number(name: &str, without: u64) -> u64 {
    std::env::var(name).map_or(without, |value| value.parse().expect(name))
}
