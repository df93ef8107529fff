//! What forwarding costs: a real worker on one core, its clients on another, beside the floor in the same run.
//!
//! `cargo bench --bench forwarding -- [--json FILE] [--repeat N] [--seconds S] [--only TEXT]`
//!
//! Machines are shared and noisy: the two are measured in turns, medians are shown, and ratios are what counts.
//! Loopback charges the receiver's part of the network stack to the sender.

mod bridge;
mod call;
mod clients;
mod floor;
mod generator;
mod measure;
mod packets;
mod report;

use std::time::Duration;

use self::call::Call;
use self::generator::Pace;
use self::measure::{Sample, Subject, measure};
use self::report::{Row, print_header, print_row, write_json};

/// Room sizes measured at saturation, at half and at a tenth of it.
const ROOM_SIZES: [usize; 4] = [2, 3, 6, 25];
/// Participants at saturation, in as many rooms as that makes.
const PARTICIPANTS: usize = 48;
/// A packet of 1,200 bytes with header, extensions and tag.
const PAYLOAD_LEN: usize = 1_200 - 12 - 12 - 16;
/// Packets of a video frame at about 1.1 Mbit/s.
const PACKETS_PER_FRAME: usize = 4;

struct Options {
    json: Option<String>,
    repeat: usize,
    duration: Duration,
    only: String,
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
        };
        let name = format!("rooms of {room_size}");
        if !name.contains(&options.only) {
            continue;
        }
        let saturated = compare(&options, format!("{name}, saturated"), call, Pace::Saturation, &mut rows);
        for (part, fraction) in [("half", 2.0), ("a tenth", 10.0)] {
            let call = at_rate(call, saturated / fraction);
            compare(&options, format!("{name}, {part} of it"), call, Pace::RealTime, &mut rows);
        }
    }
    for (rooms, room_size, packets_per_frame) in [(10, 3, 2), (4, 6, 4)] {
        // As the peers were measured: bursts of equal packets of 1,100 bytes, and Opus.
        let call = Call { rooms, room_size, publishers: room_size, packets_per_frame, payload_len: 1_060, audio: true };
        let kbit = packets_per_frame * 250;
        let name = format!("{rooms} rooms of {room_size}, {kbit} kbit/s and Opus");
        if name.contains(&options.only) {
            compare(&options, name, call, Pace::RealTime, &mut rows);
        }
    }
    if let Some(path) = options.json {
        write_json(&path, &rows).unwrap_or_else(|error| panic!("cannot write {path}: {error}"));
    }
}

/// Measures worker and floor in turns; returns what the worker delivered per second.
fn compare(options: &Options, name: String, call: Call, pace: Pace, rows: &mut Vec<Row>) -> f64 {
    let (mut worker, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..options.repeat {
        worker.push(measure(Subject::Worker, call, pace, options.duration));
        floor.push(measure(Subject::Floor, call, pace, options.duration));
    }
    let row = Row { name, call, worker: Sample::median(worker), floor: Sample::median(floor) };
    print_row(&row);
    let rate = row.worker.packets_per_second;
    rows.push(row);
    rate
}

/// Rooms and publishers that make about `rate` delivered packets a second in real time.
fn at_rate(call: Call, rate: f64) -> Call {
    let publisher_rate = (call.packets_per_frame * call::FRAMES_PER_SECOND as usize * call.fan_out()) as f64;
    let publishers = (rate / publisher_rate).round().max(1.0) as usize;
    let rooms = publishers.div_ceil(call.room_size);
    Call { rooms, publishers: publishers.div_ceil(rooms), ..call }
}

fn parse_options() -> Options {
    let mut options = Options { json: None, repeat: 3, duration: Duration::from_secs(2), only: String::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} wants a value"));
        match argument.as_str() {
            "--json" => options.json = Some(value()),
            "--repeat" => options.repeat = value().parse().expect("--repeat wants a number"),
            "--seconds" => {
                options.duration = Duration::from_secs_f64(value().parse().expect("--seconds wants a number"));
            }
            "--only" => options.only = value(),
            // Passed by cargo.
            "--bench" => {}
            _ => panic!("unknown argument {argument}"),
        }
    }
    options
}
