//! The table and the JSON file.

use std::fmt::Write;
use std::io;

use crate::call::Call;
use crate::generator::Pace;
use crate::measure::Sample;

/// A worker that uses less of its core than this was not saturated.
const SATURATED_LOAD: f64 = 0.9;
/// A generator that was late for a larger part of the time did not offer what it should.
const MAX_LATE: f64 = 0.01;
/// One that is busier than this tells what arrived so late that the worker takes lines to be worse than they are.
const MAX_CLIENT_LOAD: f64 = 0.93;

/// One load, with both subjects.
pub struct Row {
    pub name: String,
    pub call: Call,
    pub pace: Pace,
    pub worker: Sample,
    pub floor: Sample,
    /// CPU of the saturated floor, for a part of that load.
    pub saturated_floor_us: Option<f64>,
}

impl Row {
    fn ratio(&self) -> f64 {
        self.worker.cpu_us / self.floor.cpu_us
    }

    /// Beside the saturated floor.
    fn saturated_ratio(&self) -> Option<f64> {
        self.saturated_floor_us.map(|floor| self.worker.cpu_us / floor)
    }

    /// What was the limit, where it was not the worker.
    fn remark(&self) -> &'static str {
        match self.pace {
            Pace::Saturation if self.worker.load < SATURATED_LOAD => "not saturated: the generator was the limit",
            Pace::RealTime if self.worker.late > MAX_LATE => "the generator was late",
            Pace::RealTime if self.worker.client_load > MAX_CLIENT_LOAD => "the generator was the limit",
            _ => "",
        }
    }
}

pub fn print_header() {
    println!(
        "{:<37} {:>9} {:>5} {:>5} {:>6} {:>8} {:>6} {:>6} {:>6} {:>7} {:>7} {:>7} {:>7} {:>6}",
        "load",
        "packets/s",
        "core",
        "gen.",
        "µs",
        "floor µs",
        "ratio",
        "to sat",
        "loss %",
        "p50 µs",
        "p99 µs",
        "fl. p50",
        "fl. p99",
        "stolen",
    );
}

pub fn print_row(row: &Row) {
    println!(
        "{:<37} {:>9.0} {:>4.0}% {:>4.0}% {:>6.2} {:>8.2} {:>6.2} {:>6} {:>6.3} {:>7.0} {:>7.0} {:>7.0} {:>7.0} {:>5.1}%  {}",
        row.name,
        row.worker.packets_per_second,
        row.worker.load * 100.0,
        row.worker.client_load * 100.0,
        row.worker.cpu_us,
        row.floor.cpu_us,
        row.ratio(),
        row.saturated_ratio().map_or(String::new(), |ratio| format!("{ratio:.2}")),
        row.worker.loss * 100.0,
        row.worker.delay_p50_us,
        row.worker.delay_p99_us,
        row.floor.delay_p50_us,
        row.floor.delay_p99_us,
        row.worker.stolen * 100.0,
        row.remark(),
    );
}

/// Writes all rows; names hold nothing that JSON would have to escape.
pub fn write_json(path: &str, rows: &[Row]) -> io::Result<()> {
    let mut json = String::from("[\n");
    for (index, row) in rows.iter().enumerate() {
        let separator = if index + 1 < rows.len() { "," } else { "" };
        let call = &row.call;
        writeln!(
            json,
            r#"  {{"load": "{}", "rooms": {}, "room_size": {}, "publishers": {}, "ratio": {:.3}, "ratio_to_saturated_floor": {}, "remark": "{}", "worker": {}, "floor": {}}}{separator}"#,
            row.name,
            call.rooms,
            call.room_size,
            call.publishers,
            row.ratio(),
            row.saturated_ratio().map_or("null".into(), |ratio| format!("{ratio:.3}")),
            row.remark(),
            object(&row.worker),
            object(&row.floor),
        )
        .map_err(io::Error::other)?;
    }
    json.push_str("]\n");
    std::fs::write(path, json)
}

fn object(sample: &Sample) -> String {
    format!(
        r#"{{"cpu_us": {:.3}, "packets_per_second": {:.0}, "core": {:.3}, "loss": {:.6}, "delay_p50_us": {:.0}, "delay_p99_us": {:.0}, "generator_core": {:.3}, "generator_late": {:.4}, "stolen": {:.4}}}"#,
        sample.cpu_us,
        sample.packets_per_second,
        sample.load,
        sample.loss,
        sample.delay_p50_us,
        sample.delay_p99_us,
        sample.client_load,
        sample.late,
        sample.stolen,
    )
}
