//! `bridge._core.Worker`.

use std::os::fd::AsRawFd;

use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::convert::{Id, from_dict, to_datagrams, to_dict};
use crate::command::Command;
use crate::worker::{self, CommandError, WorkerConfig};

/// One data-plane thread.
#[pyclass(frozen, module = "bridge._core")]
pub(super) struct Worker {
    worker: worker::Worker,
}

impl Worker {
    fn command(&self, command: Command) -> PyResult<()> {
        self.worker.command(command).map_err(|error: CommandError| PyRuntimeError::new_err(error.to_string()))
    }
}

#[pymethods]
impl Worker {
    #[new]
    fn new(py: Python<'_>, config: &Bound<'_, PyAny>) -> PyResult<Self> {
        let config: WorkerConfig = from_dict(config)?;
        if config.listen.is_empty() {
            return Err(PyValueError::new_err("listen: names no address"));
        }
        let worker = py.detach(|| worker::Worker::start(config));
        // As a plain OSError: the cause is in the text, with the address.
        Ok(Worker { worker: worker.map_err(|error| PyOSError::new_err(error.to_string()))? })
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.worker.close());
    }

    fn event_fd(&self) -> i32 {
        self.worker.event_fd().as_raw_fd()
    }

    #[pyo3(signature = (limit = 1024))]
    fn drain<'py>(&self, py: Python<'py>, limit: usize) -> PyResult<Bound<'py, PyList>> {
        let events = self.worker.drain(limit);
        PyList::new(py, events.iter().map(|event| to_dict(py, event)).collect::<PyResult<Vec<_>>>()?)
    }

    fn local_addresses(&self) -> Vec<String> {
        self.worker.local_addresses().iter().map(ToString::to_string).collect()
    }

    fn capabilities<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_dict(py, &self.worker.capabilities())
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_dict(py, &self.worker.stats())
    }

    fn create_webrtc_transport(&self, transport_id: Id, params: &Bound<'_, PyAny>) -> PyResult<()> {
        self.command(Command::CreateWebRtcTransport { transport_id: transport_id.0, params: from_dict(params)? })
    }

    fn create_plain_transport(&self, transport_id: Id, params: &Bound<'_, PyAny>) -> PyResult<()> {
        self.command(Command::CreatePlainTransport { transport_id: transport_id.0, params: from_dict(params)? })
    }

    fn update_transport(&self, transport_id: Id, update: &Bound<'_, PyAny>) -> PyResult<()> {
        self.command(Command::UpdateTransport { transport_id: transport_id.0, update: from_dict(update)? })
    }

    fn restart_ice(&self, transport_id: Id, ice_ufrag: String, ice_pwd: String) -> PyResult<()> {
        self.command(Command::RestartIce { transport_id: transport_id.0, ice_ufrag, ice_pwd })
    }

    fn send_dtls(&self, transport_id: Id, datagrams: Vec<Bound<'_, PyBytes>>) -> PyResult<()> {
        self.command(Command::SendDtls { transport_id: transport_id.0, datagrams: to_datagrams(&datagrams) })
    }

    fn set_srtp(&self, transport_id: Id, params: &Bound<'_, PyAny>) -> PyResult<()> {
        self.command(Command::SetSrtp { transport_id: transport_id.0, params: from_dict(params)? })
    }

    fn close_transport(&self, transport_id: Id) -> PyResult<()> {
        self.command(Command::CloseTransport { transport_id: transport_id.0 })
    }

    fn create_producer(&self, producer_id: Id, params: &Bound<'_, PyAny>) -> PyResult<()> {
        self.command(Command::CreateProducer { producer_id: producer_id.0, params: from_dict(params)? })
    }

    fn pause_producer(&self, producer_id: Id, paused: bool) -> PyResult<()> {
        self.command(Command::PauseProducer { producer_id: producer_id.0, paused })
    }

    fn close_producer(&self, producer_id: Id) -> PyResult<()> {
        self.command(Command::CloseProducer { producer_id: producer_id.0 })
    }

    fn create_consumer(&self, consumer_id: Id, params: &Bound<'_, PyAny>) -> PyResult<()> {
        self.command(Command::CreateConsumer { consumer_id: consumer_id.0, params: from_dict(params)? })
    }

    fn pause_consumer(&self, consumer_id: Id, paused: bool) -> PyResult<()> {
        self.command(Command::PauseConsumer { consumer_id: consumer_id.0, paused })
    }

    fn close_consumer(&self, consumer_id: Id) -> PyResult<()> {
        self.command(Command::CloseConsumer { consumer_id: consumer_id.0 })
    }

    fn request_keyframe(&self, producer_id: Id) -> PyResult<()> {
        self.command(Command::RequestKeyframe { producer_id: producer_id.0 })
    }

    fn allocate_consumer(&self, consumer_id: Id, allocation: &Bound<'_, PyAny>) -> PyResult<()> {
        self.command(Command::AllocateConsumer { consumer_id: consumer_id.0, allocation: from_dict(allocation)? })
    }

    fn hand_over_consumer(&self, consumer_id: Id, handover: &Bound<'_, PyAny>) -> PyResult<()> {
        self.command(Command::HandOverConsumer { consumer_id: consumer_id.0, handover: from_dict(handover)? })
    }

    fn set_consumer_redundancy(&self, consumer_id: Id, frames: u8) -> PyResult<()> {
        self.command(Command::SetConsumerRedundancy { consumer_id: consumer_id.0, frames })
    }

    fn set_transport_demand(&self, transport_id: Id, demand: &Bound<'_, PyAny>) -> PyResult<()> {
        self.command(Command::SetTransportDemand { transport_id: transport_id.0, demand: from_dict(demand)? })
    }

    fn select_speakers(&self, router_id: Id, selection: &Bound<'_, PyAny>) -> PyResult<()> {
        self.command(Command::SelectSpeakers { router_id: router_id.0, selection: from_dict(selection)? })
    }

    fn flight_record(&self, request_id: Id, transport_id: Id) -> PyResult<()> {
        self.command(Command::FlightRecord { request_id: request_id.0, transport_id: transport_id.0 })
    }

    fn transport_stats(&self, request_id: Id, transport_id: Id) -> PyResult<()> {
        self.command(Command::TransportStats { request_id: request_id.0, transport_id: transport_id.0 })
    }
}
