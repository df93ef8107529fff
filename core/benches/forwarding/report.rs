//! The table and the JSON file.

use std::fmt::Write;
use std::io;

use crate::call::Call;
use crate::measure::Sample;

/// One load, with both subjects.
pub struct Row {
    pub name: String,
    pub call: Call,
    pub worker: Sample,
    pub floor: Sample,
}

impl Row {
    fn ratio(&self) -> f64 {
        self.worker.cpu_us / self.floor.cpu_us
    }
}

pub fn print_header() {
    println!(
        "{:<38} {:>9} {:>6} {:>8} {:>8} {:>6} {:>7} {:>8} {:>8} {:>8} {:>8}",
        "load", "packets/s", "core", "µs", "floor µs", "ratio", "loss %", "p50 µs", "p99 µs", "fl. p50", "fl. p99"
    );
}

pub fn print_row(row: &Row) {
    println!(
        "{:<38} {:>9.0} {:>5.0}% {:>8.2} {:>8.2} {:>6.2} {:>7.3} {:>8.0} {:>8.0} {:>8.0} {:>8.0}",
        row.name,
        row.worker.packets_per_second,
        row.worker.load * 100.0,
        row.worker.cpu_us,
        row.floor.cpu_us,
        row.ratio(),
        row.worker.loss * 100.0,
        row.worker.delay_p50_us,
        row.worker.delay_p99_us,
        row.floor.delay_p50_us,
        row.floor.delay_p99_us,
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
            r#"  {{"load": "{}", "rooms": {}, "room_size": {}, "publishers": {}, "ratio": {:.3}, "worker": {}, "floor": {}}}{separator}"#,
            row.name,
            call.rooms,
            call.room_size,
            call.publishers,
            row.ratio(),
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
        r#"{{"cpu_us": {:.3}, "packets_per_second": {:.0}, "core": {:.3}, "loss": {:.6}, "delay_p50_us": {:.0}, "delay_p99_us": {:.0}}}"#,
        sample.cpu_us, sample.packets_per_second, sample.load, sample.loss, sample.delay_p50_us, sample.delay_p99_us,
    )
}
