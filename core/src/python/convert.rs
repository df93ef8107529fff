//! Python objects in, Python objects out.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pythonize::Depythonizer;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads a dict into a struct. The `ValueError` names the key, with the way to it: "codecs[0].payload_type: …".
pub(super) fn from_dict<T: DeserializeOwned>(dict: &Bound<'_, PyAny>) -> PyResult<T> {
    serde_path_to_error::deserialize(&mut Depythonizer::from_object(dict)).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        // An unknown or missing key of the outermost dict is named by the message itself.
        let message = if path == "." { inner.to_string() } else { format!("{path}: {inner}") };
        PyValueError::new_err(message)
    })
}

/// Makes a dict of a struct.
pub(super) fn to_dict<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    Ok(pythonize::pythonize(py, value)?)
}

/// Copies a list of `bytes`.
pub(super) fn to_datagrams(datagrams: &[Bound<'_, PyBytes>]) -> Vec<Vec<u8>> {
    datagrams.iter().map(|datagram| datagram.as_bytes().to_vec()).collect()
}

/// An id chosen by the caller: 0 ≤ id < 2⁶³.
#[derive(Clone, Copy)]
pub(super) struct Id(pub u64);

impl<'py> FromPyObject<'_, 'py> for Id {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let id: Result<i64, PyErr> = object.extract();
        match id {
            Ok(id) => u64::try_from(id).map(Id).map_err(|_| out_of_range()),
            Err(error) if error.is_instance_of::<PyTypeError>(object.py()) => Err(error),
            Err(_) => Err(out_of_range()),
        }
    }
}

fn out_of_range() -> PyErr {
    PyValueError::new_err("an id has to be at least 0 and below 2**63")
}
