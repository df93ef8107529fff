//! Replaying flight records from Python.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde::{Deserialize, Serialize};

use super::convert::{from_dict, to_dict};
use crate::bitrate::Bitrate;
use crate::flight::{FlightRecord, ReplayConfig, ReplayPoint, replay};

/// See `ReplayConfig` in `_core.pyi`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default)]
    min_bitrate: Option<u64>,
    #[serde(default)]
    start_bitrate: Option<u64>,
    #[serde(default)]
    max_bitrate: Option<u64>,
}

/// See `ReplayPoint` in `_core.pyi`.
#[derive(Serialize)]
struct Point {
    time: f64,
    recorded: u64,
    replayed: u64,
    sent: u64,
    queue_delay: Option<f64>,
    fraction_lost: f64,
}

impl From<&ReplayPoint> for Point {
    fn from(point: &ReplayPoint) -> Self {
        Point {
            time: point.at.as_nanos() as f64 / 1e9,
            recorded: point.recorded,
            replayed: point.replayed,
            sent: point.sent,
            queue_delay: point.queue_delay.map(|time| time.as_secs_f64()),
            fraction_lost: point.fraction_lost,
        }
    }
}

/// Runs the estimator over a flight record.
#[pyfunction]
pub(super) fn replay_estimator<'py>(
    py: Python<'py>,
    record: &[u8],
    config: &Bound<'_, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let Config { min_bitrate, start_bitrate, max_bitrate } = from_dict(config)?;
    let rate = |bps: Option<u64>| bps.map(Bitrate::bps);
    let config = ReplayConfig { min: rate(min_bitrate), start: rate(start_bitrate), max: rate(max_bitrate) };
    let record = FlightRecord::parse(record).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let points: Vec<Point> = replay(&record, &config).iter().map(Point::from).collect();
    to_dict(py, &points)
}
