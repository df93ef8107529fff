//! Producers and consumers are not wired yet: commands that name them fail, their packets are counted as unroutable.

use super::receive::Source;
use super::{Engine, ErrorKind, Outcome};
use crate::event::TransportStats;
use crate::packet::rtp::RtpHeader;
use crate::params::{ConsumerParams, ProducerParams};
use crate::path::Path;
use crate::time::Time;

const NOT_YET: &str = "producers and consumers are not built into the engine yet";

impl Engine {
    pub(super) fn create_producer(&mut self, _: Time, _: u64, _: &ProducerParams) -> Result<(), String> {
        Err(NOT_YET.to_owned())
    }
    pub(super) fn pause_producer(&mut self, _: Time, _: u64, _: bool) -> Result<(), String> {
        Err(NOT_YET.to_owned())
    }
    pub(super) fn close_producer(&mut self, _: Time, _: u64) -> Result<(), String> {
        Err(NOT_YET.to_owned())
    }
    pub(super) fn create_consumer(&mut self, _: Time, _: u64, _: &ConsumerParams) -> Result<(), String> {
        Err(NOT_YET.to_owned())
    }
    pub(super) fn pause_consumer(&mut self, _: Time, _: u64, _: bool) -> Result<(), String> {
        Err(NOT_YET.to_owned())
    }
    pub(super) fn close_consumer(&mut self, _: Time, _: u64) -> Result<(), String> {
        Err(NOT_YET.to_owned())
    }
    pub(super) fn request_keyframe(&mut self, _: Time, _: u64) -> Result<(), String> {
        Err(NOT_YET.to_owned())
    }
    pub(super) fn transport_stats(&mut self, _: Time, key: usize) -> TransportStats {
        let transport = &self.transports[key];
        TransportStats {
            transport_id: transport.id,
            protocol: transport.endpoint.protocol(),
            packets_received: transport.traffic.packets_received,
            bytes_received: transport.traffic.bytes_received,
            packets_sent: transport.traffic.packets_sent,
            bytes_sent: transport.traffic.bytes_sent,
            errors: transport.errors.iter().filter(|(_, count)| *count > 0).collect(),
            producers: Vec::new(),
            consumers: Vec::new(),
        }
    }
    pub(super) fn media_can_flow(&mut self, _: Time, _: usize) {}
    pub(super) fn look_after_media(&mut self, _: Time, _: usize) -> Time {
        Time::MAX
    }
    pub(super) fn say_goodbye(&mut self, _: usize) {}
    pub(super) fn forget_media(&mut self, _: Time, _: usize) {}
    pub(super) fn translate_extensions(&mut self, _: usize) {}
    pub(super) fn receive_rtp(
        &mut self,
        now: Time,
        key: usize,
        source: Source,
        path: &Path,
        datagram: &mut [u8],
    ) -> Result<Outcome, ErrorKind> {
        let header = RtpHeader::parse(datagram).map_err(|_| ErrorKind::RtpMalformed)?;
        self.transports[key].keys.open_rtp(&header, datagram)?;
        self.count_error(ErrorKind::RtpUnroutable);
        Ok(self.heard(now, key, source, path))
    }
    pub(super) fn receive_rtcp(
        &mut self,
        now: Time,
        key: usize,
        source: Source,
        path: &Path,
        datagram: &mut [u8],
    ) -> Result<Outcome, ErrorKind> {
        self.transports[key].keys.open_rtcp(datagram)?;
        Ok(self.heard(now, key, source, path))
    }
}
