//! What forwarding costs: a real worker on one core, its clients on another, beside the floor in the same run.
//!
//! `cargo bench --bench forwarding -- --help` lists what can be asked for.
//!
//! Machines are shared and noisy: the two are measured in turns, and ratios are what counts. Of several runs, the half in
//! which the host took least of this machine's CPUs counts, and medians of those are shown.
//! Loopback charges the receiver's part of the network stack to the sender. The last column tells where a figure is not
//! what it is meant to be: the generator was the limit and not the worker.

mod bridge;
mod call;
mod clients;
mod feedback;
mod floor;
mod generator;
mod measure;
mod packets;
mod report;
mod stolen;

use std::process::exit;
use std::str::FromStr;
use std::time::Duration;

use self::call::Call;
use self::generator::Pace;
use self::measure::{Method, Sample, Subject, measure};
use self::report::{Row, print_header, print_row, write_json};

/// Room sizes measured at saturation, at half and at a tenth of it.
const ROOM_SIZES: [usize; 4] = [2, 3, 6, 25];
/// Participants at saturation, in as many rooms as that makes.
const PARTICIPANTS: usize = 48;
/// A packet of 1,200 bytes with header, extensions and tag.
const PAYLOAD_LEN: usize = 1_200 - 12 - 12 - 16;
/// Packets of a video frame at about 1.1 Mbit/s.
const PACKETS_PER_FRAME: usize = 4;

/// Rooms of three at 1 Mbit/s, as many as are to fit one core and some more.
const CAPACITIES: [usize; 5] = [66, 150, 200, 250, 300];

const USAGE: &str = "\
What forwarding costs a worker, beside the least that it could cost.

usage: cargo bench --bench forwarding -- [OPTION ...]

  --only TEXT      only the rows whose name contains TEXT, and what they depend on
  --repeat N       runs of each row: medians of the calmer half are shown (6)
  --seconds S      length of a run (2)
  --json FILE      write the figures there, too
  --runs           send each frame as one run, which costs generator, worker and floor less
  --gather US      how long the worker may rest for packets to come together, in microseconds
  --no-feedback    receivers tell nothing of what arrives, and nothing is paced
  --line KBPS      the worker takes lines to carry so much and no more, so that frames wait in the pacer";

struct Options {
    json: Option<String>,
    repeat: usize,
    duration: Duration,
    only: String,
    runs: bool,
    gather_us: Option<u64>,
    feedback: bool,
    line_rate: Option<u64>,
}

/// What a saturated row gives the rows below it.
#[derive(Clone, Copy)]
struct Saturated {
    packets_per_second: f64,
    floor_us: f64,
}

fn main() {
    let options = parse_options();
    let mut rows = Vec::new();
    print_header();
    for room_size in ROOM_SIZES {
        let call = Call {
            rooms: (PARTICIPANTS / room_size).max(1),
            room_size,
            publishers: room_size,
            packets_per_frame: PACKETS_PER_FRAME,
            payload_len: PAYLOAD_LEN,
            audio: false,
            line_rate: options.line_rate.unwrap_or(call::SATURATED_LINE),
        };
        let parts = [("half", 2.0), ("a tenth", 10.0)]
            .map(|(part, fraction)| (format!("rooms of {room_size}, {part} of it"), fraction))
            .into_iter()
            .filter(|(name, _)| name.contains(&options.only));
        let name = format!("rooms of {room_size}, saturated");
        let mut parts = parts.peekable();
        if !name.contains(&options.only) && parts.peek().is_none() {
            continue;
        }
        let saturated = compare(&options, name, call, Pace::Saturation, None, &mut rows);
        for (name, fraction) in parts {
            let rate = saturated.packets_per_second / fraction;
            let call = over_lines(&options, at_rate(call, rate));
            compare(&options, name, call, Pace::RealTime, Some(saturated), &mut rows);
        }
    }
    // As the peers were measured: bursts of equal packets of 1,100 bytes, and Opus.
    let as_peers = |rooms, room_size, packets_per_frame| {
        let publishers = room_size;
        let call =
            Call { rooms, room_size, publishers, packets_per_frame, payload_len: 1_060, audio: true, line_rate: 0 };
        over_lines(&options, call)
    };
    let peers_rows = [(10, 3, 2), (4, 6, 4)].into_iter().chain(CAPACITIES.map(|rooms| (rooms, 3, 4)));
    for (rooms, room_size, packets_per_frame) in peers_rows {
        let name = format!("{rooms} rooms of {room_size}, {} kbit/s and Opus", packets_per_frame * 250);
        if name.contains(&options.only) {
            let call = as_peers(rooms, room_size, packets_per_frame);
            compare(&options, name, call, Pace::RealTime, None, &mut rows);
        }
    }
    if let Some(path) = options.json {
        write_json(&path, &rows).unwrap_or_else(|error| panic!("cannot write {path}: {error}"));
    }
}

/// Measures worker and floor in turns; returns what the worker delivered per second and what that cost the floor.
fn compare(
    options: &Options,
    name: String,
    call: Call,
    pace: Pace,
    saturated: Option<Saturated>,
    rows: &mut Vec<Row>,
) -> Saturated {
    let Options { duration, runs, gather_us, feedback, .. } = *options;
    let method = Method { pace, duration, runs, gather_us, feedback };
    let (mut worker, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..options.repeat {
        worker.push(measure(Subject::Worker, call, method));
        floor.push(measure(Subject::Floor, call, method));
    }
    let saturated_floor_us = saturated.map(|saturated| saturated.floor_us);
    let (worker, floor) = (Sample::typical(worker), Sample::typical(floor));
    let row = Row { name, call, pace, worker, floor, saturated_floor_us };
    print_row(&row);
    rows.push(row);
    Saturated { packets_per_second: worker.packets_per_second, floor_us: floor.cpu_us }
}

/// Rooms and publishers that make about `rate` delivered packets a second in real time.
fn at_rate(call: Call, rate: f64) -> Call {
    let publisher_rate = (call.packets_per_frame * call::FRAMES_PER_SECOND as usize * call.fan_out()) as f64;
    let publishers = (rate / publisher_rate).round().max(1.0) as usize;
    let rooms = publishers.div_ceil(call.room_size);
    Call { rooms, publishers: publishers.div_ceil(rooms), ..call }
}

/// The call over the lines that were asked for; wide ones if none were.
fn over_lines(options: &Options, call: Call) -> Call {
    options.line_rate.map_or_else(|| call.with_wide_lines(), |line_rate| Call { line_rate, ..call })
}

fn parse_options() -> Options {
    let mut options = Options {
        json: None,
        repeat: 6,
        duration: Duration::from_secs(2),
        only: String::new(),
        runs: false,
        gather_us: None,
        feedback: true,
        line_rate: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| refuse(&format!("{argument} wants a value")));
        match argument.as_str() {
            "--help" | "-h" => {
                println!("{USAGE}");
                exit(0);
            }
            "--json" => options.json = Some(value()),
            "--repeat" => options.repeat = number(&argument, &value(), |runs| *runs > 0),
            "--seconds" => {
                let seconds = number(&argument, &value(), |seconds: &f64| (0.1..=3_600.0).contains(seconds));
                options.duration = Duration::from_secs_f64(seconds);
            }
            "--only" => options.only = value(),
            "--no-feedback" => options.feedback = false,
            "--line" => {
                let kbps: u64 = number(&argument, &value(), |rate| (1..=10_000_000).contains(rate));
                options.line_rate = Some(kbps * 1_000);
            }
            "--runs" => options.runs = true,
            "--gather" => options.gather_us = Some(number(&argument, &value(), |micros| *micros <= 1_000_000)),
            // Passed by cargo.
            "--bench" => {}
            _ => refuse(&format!("there is no {argument}")),
        }
    }
    options
}

/// The value of an argument that is to be a number.
fn number<T: FromStr>(argument: &str, value: &str, fits: impl Fn(&T) -> bool) -> T {
    let number = value.parse().ok().filter(fits);
    number.unwrap_or_else(|| refuse(&format!("{argument} {value}: not a number that can be measured with")))
}

fn refuse(why: &str) -> ! {
    eprintln!("{why}\n\n{USAGE}");
    exit(2);
}
