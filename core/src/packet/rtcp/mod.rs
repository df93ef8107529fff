//! RTCP compounds (RFC 3550 §6), also of reduced size (RFC 5506): reading with [`packets`], composing with
//! [`RtcpWriter`].

mod congestion_feedback;
mod extended_reports;
mod feedback;
mod report;
mod source_description;
mod transport_feedback;
mod writer;

pub use congestion_feedback::{CongestionFeedback, PacketReport, StreamReport};
pub use extended_reports::{DelaySinceLastRr, ExtendedReportBlock, ExtendedReports};
pub use feedback::{Fir, FirEntry, Nack, Pli, Remb};
pub use report::{ReceiverReport, ReportBlock, SenderInfo, SenderReport};
pub use source_description::{Goodbye, SdesItem, SourceDescription, sdes};
pub use transport_feedback::{Arrival, TransportFeedback};
pub use writer::RtcpWriter;

/// Version, count and length, before the content of every packet.
const HEADER_LEN: usize = 4;

/// Packet types (IANA registry "RTCP Control Packet Types").
mod packet_type {
    pub(super) const SENDER_REPORT: u8 = 200;
    pub(super) const RECEIVER_REPORT: u8 = 201;
    pub(super) const SOURCE_DESCRIPTION: u8 = 202;
    pub(super) const GOODBYE: u8 = 203;
    pub(super) const TRANSPORT_FEEDBACK: u8 = 205;
    pub(super) const PAYLOAD_FEEDBACK: u8 = 206;
    pub(super) const EXTENDED_REPORTS: u8 = 207;
}

/// Formats of transport layer feedback, type 205 (RFC 4585 §6.2, RFC 8888 §3.1,
/// draft-holmer-rmcat-transport-wide-cc-extensions-01).
mod transport_format {
    pub(super) const NACK: u8 = 1;
    pub(super) const CONGESTION_CONTROL: u8 = 11;
    pub(super) const TRANSPORT_WIDE: u8 = 15;
}

/// Formats of payload-specific feedback, type 206 (RFC 4585 §6.3, RFC 5104 §4.3, draft-alvestrand-rmcat-remb-03).
mod payload_format {
    pub(super) const PLI: u8 = 1;
    pub(super) const FIR: u8 = 4;
    pub(super) const APPLICATION: u8 = 15;
}

/// Why an RTCP packet could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtcpError {
    /// The header is cut off, has another version than 2, or a length beyond the datagram.
    #[error("malformed RTCP header")]
    Header,
    /// The padding is zero, or longer than the packet.
    #[error("invalid RTCP padding")]
    Padding,
    /// The content is shorter than its type, count or own lengths ask for.
    #[error("malformed RTCP content")]
    Content,
}

/// One packet of a compound.
#[derive(Clone, Copy, Debug)]
pub enum Packet<'a> {
    /// SR.
    SenderReport(SenderReport<'a>),
    /// RR.
    ReceiverReport(ReceiverReport<'a>),
    /// SDES.
    SourceDescription(SourceDescription<'a>),
    /// BYE.
    Goodbye(Goodbye<'a>),
    /// Generic NACK.
    Nack(Nack<'a>),
    /// Transport-wide congestion control feedback.
    TransportFeedback(TransportFeedback<'a>),
    /// Congestion control feedback.
    CongestionFeedback(CongestionFeedback<'a>),
    /// Picture loss indication.
    Pli(Pli),
    /// Full intra request.
    Fir(Fir<'a>),
    /// Receiver estimated maximum bitrate.
    Remb(Remb<'a>),
    /// XR.
    ExtendedReports(ExtendedReports<'a>),
    /// A type or format that means nothing here.
    Unknown {
        /// The packet type, 192–223.
        packet_type: u8,
        /// The count or format field.
        count: u8,
    },
}

impl<'a> Packet<'a> {
    fn parse(packet_type: u8, count: u8, content: &'a [u8]) -> Result<Self, RtcpError> {
        Ok(match (packet_type, count) {
            (packet_type::SENDER_REPORT, _) => Packet::SenderReport(SenderReport::parse(count, content)?),
            (packet_type::RECEIVER_REPORT, _) => Packet::ReceiverReport(ReceiverReport::parse(count, content)?),
            (packet_type::SOURCE_DESCRIPTION, _) => {
                Packet::SourceDescription(SourceDescription::parse(count, content)?)
            }
            (packet_type::GOODBYE, _) => Packet::Goodbye(Goodbye::parse(count, content)?),
            (packet_type::TRANSPORT_FEEDBACK, transport_format::NACK) => Packet::Nack(Nack::parse(content)?),
            (packet_type::TRANSPORT_FEEDBACK, transport_format::TRANSPORT_WIDE) => {
                Packet::TransportFeedback(TransportFeedback::parse(content)?)
            }
            (packet_type::TRANSPORT_FEEDBACK, transport_format::CONGESTION_CONTROL) => {
                Packet::CongestionFeedback(CongestionFeedback::parse(content)?)
            }
            (packet_type::PAYLOAD_FEEDBACK, payload_format::PLI) => Packet::Pli(Pli::parse(content)?),
            (packet_type::PAYLOAD_FEEDBACK, payload_format::FIR) => Packet::Fir(Fir::parse(content)?),
            (packet_type::PAYLOAD_FEEDBACK, payload_format::APPLICATION) if feedback::is_remb(content) => {
                Packet::Remb(Remb::parse(content)?)
            }
            (packet_type::EXTENDED_REPORTS, _) => Packet::ExtendedReports(ExtendedReports::parse(content)?),
            _ => Packet::Unknown { packet_type, count },
        })
    }
}

/// The packets of a compound, in order. A packet with malformed content is an error and the walk goes on behind it;
/// a malformed header or padding ends it.
pub fn packets(compound: &[u8]) -> Packets<'_> {
    Packets { rest: compound }
}

/// See [`packets`].
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Packets<'a> {
    /// Takes the next packet off: type, count and content without padding.
    fn split(&mut self) -> Result<(u8, u8, &'a [u8]), RtcpError> {
        let (&[first, packet_type, l0, l1], rest) =
            self.rest.split_first_chunk::<HEADER_LEN>().ok_or(RtcpError::Header)?;
        let len = usize::from(u16::from_be_bytes([l0, l1])) * 4;
        let (mut content, rest) = rest.split_at_checked(len).ok_or(RtcpError::Header)?;
        if first >> 6 != 2 || !(192..=223).contains(&packet_type) {
            return Err(RtcpError::Header);
        }
        if first & 0x20 != 0 {
            let padding = usize::from(*content.last().ok_or(RtcpError::Padding)?);
            if padding == 0 || padding > content.len() {
                return Err(RtcpError::Padding);
            }
            content = &content[..content.len() - padding];
        }
        self.rest = rest;
        Ok((packet_type, first & 0x1f, content))
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, RtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match self.split() {
            Ok((packet_type, count, content)) => Some(Packet::parse(packet_type, count, content)),
            Err(error) => {
                self.rest = &[];
                Some(Err(error))
            }
        }
    }
}

/// Takes a big-endian word off the front.
fn split_u32(data: &[u8]) -> Result<(u32, &[u8]), RtcpError> {
    let (word, rest) = data.split_first_chunk().ok_or(RtcpError::Content)?;
    Ok((u32::from_be_bytes(*word), rest))
}

/// Takes two big-endian words off the front: of feedback, the SSRCs of its sender and of the media.
fn split_two_u32(data: &[u8]) -> Result<(u32, u32, &[u8]), RtcpError> {
    let (first, rest) = split_u32(data)?;
    let (second, rest) = split_u32(rest)?;
    Ok((first, second, rest))
}

/// A list of SSRCs.
fn ssrcs(data: &[u8]) -> impl ExactSizeIterator<Item = u32> + Clone + '_ {
    data.as_chunks::<4>().0.iter().map(|bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests;
