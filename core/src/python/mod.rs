//! The Python extension `bridge._core`. What it promises is written in `bridge/_core.pyi`.

mod convert;
mod flight;
mod worker;

use pyo3::prelude::*;

/// The module.
#[pymodule]
#[pyo3(name = "_core")]
mod core_module {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::flight::replay_estimator;
    #[pymodule_export]
    use super::version;
    #[pymodule_export]
    use super::worker::Worker;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("EVENT_QUEUE_LIMIT", crate::worker::EVENT_QUEUE_LIMIT)
    }
}

/// The crate's version.
#[pyfunction]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
