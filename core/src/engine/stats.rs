//! What a transport looks like at one instant.

use super::Engine;
use crate::event::TransportStats;
use crate::time::Time;

impl Engine {
    pub(super) fn transport_stats(&self, now: Time, key: usize) -> TransportStats {
        let transport = &self.transports[key];
        let traffic = &transport.traffic;
        let producers = transport.producers.iter().map(|key| {
            let entry = &self.producers[*key];
            entry.producer.stats(now, entry.id)
        });
        let consumers = transport.consumers.iter().map(|(_, key)| {
            let entry = &self.consumers[*key];
            entry.consumer.stats(now, entry.id, self.producers[entry.producer].id)
        });
        let estimate = transport.estimator.as_ref().map(|estimator| estimator.estimate());
        TransportStats {
            transport_id: transport.id,
            protocol: transport.endpoint.protocol(),
            packets_received: traffic.packets_received,
            bytes_received: traffic.bytes_received,
            packets_sent: traffic.packets_sent,
            bytes_sent: traffic.bytes_sent,
            estimate: estimate.map(|estimate| estimate.bitrate.as_bps()),
            estimate_source: estimate.map(|estimate| estimate.source),
            round_trip_time: estimate.and_then(|estimate| estimate.round_trip).map(|time| time.as_secs_f64()),
            send_loss: estimate.map_or(0.0, |estimate| estimate.fraction_lost),
            queue_delay: estimate.and_then(|estimate| estimate.queue_delay).map(|time| time.as_secs_f64()),
            pacer_queue_packets: transport.pacer.packets() as u64,
            pacer_queue_ms: transport.pacer.drain_time().as_millis() as u64,
            pacer_dropped: transport.pacer.counters.dropped,
            probe_bytes: transport.pacer.counters.probe_bytes,
            retransmission_dropped: transport.pacer.counters.retransmissions_dropped,
            errors: transport.errors.iter().filter(|(_, count)| *count > 0).collect(),
            producers: producers.collect(),
            consumers: consumers.collect(),
        }
    }
}
