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
        TransportStats {
            transport_id: transport.id,
            protocol: transport.endpoint.protocol(),
            packets_received: traffic.packets_received,
            bytes_received: traffic.bytes_received,
            packets_sent: traffic.packets_sent,
            bytes_sent: traffic.bytes_sent,
            errors: transport.errors.iter().filter(|(_, count)| *count > 0).collect(),
            producers: producers.collect(),
            consumers: consumers.collect(),
        }
    }
}
