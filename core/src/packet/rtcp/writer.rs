//! Composing a compound, straight into the outgoing datagram.

use super::extended_reports::{DELAY_SINCE_LAST_RR, DLRR_ENTRY_LEN, RECEIVER_REFERENCE_TIME};
use super::feedback::REMB_NAME;
use super::report::{BLOCK_LEN, SENDER_INFO_LEN};
use super::{
    DelaySinceLastRr, FirEntry, HEADER_LEN, ReportBlock, SenderInfo, congestion_feedback, packet_type, payload_format,
    sdes, transport_feedback, transport_format,
};
use crate::time::Time;

/// The count field has five bits.
const MAX_COUNT: usize = 31;

/// Appends packets to a buffer. Each method returns `None`, and leaves the compound as it was, when its packet does
/// not fit.
pub struct RtcpWriter<'o> {
    out: &'o mut [u8],
    end: usize,
}

impl<'o> RtcpWriter<'o> {
    /// An empty compound in `out`, which is as long as the compound may become: leave what SRTCP adds.
    pub fn new(out: &'o mut [u8]) -> Self {
        RtcpWriter { out, end: 0 }
    }

    /// Length of the compound so far.
    pub fn len(&self) -> usize {
        self.end
    }

    /// Whether nothing was appended yet.
    pub fn is_empty(&self) -> bool {
        self.end == 0
    }

    /// How many bytes are left.
    pub fn room(&self) -> usize {
        self.out.len() - self.end
    }

    /// SR. At most 31 report blocks: further ones belong in an RR behind it.
    pub fn sender_report(&mut self, ssrc: u32, info: &SenderInfo, reports: &[ReportBlock]) -> Option<()> {
        let mut head = [0; 4 + SENDER_INFO_LEN];
        head[..4].copy_from_slice(&ssrc.to_be_bytes());
        head[4..12].copy_from_slice(&info.ntp.to_be_bytes());
        head[12..16].copy_from_slice(&info.rtp_timestamp.to_be_bytes());
        head[16..20].copy_from_slice(&info.packet_count.to_be_bytes());
        head[20..24].copy_from_slice(&info.octet_count.to_be_bytes());
        self.report(packet_type::SENDER_REPORT, &head, reports)
    }

    /// RR. At most 31 report blocks.
    pub fn receiver_report(&mut self, ssrc: u32, reports: &[ReportBlock]) -> Option<()> {
        self.report(packet_type::RECEIVER_REPORT, &ssrc.to_be_bytes(), reports)
    }

    /// SDES with the CNAME of one source. A CNAME has at most 255 bytes.
    pub fn cname(&mut self, ssrc: u32, cname: &str) -> Option<()> {
        let len = u8::try_from(cname.len()).ok()?;
        // The item ends with at least one zero byte, and the chunk with the word.
        let content_len = (4 + 2 + cname.len() + 1).next_multiple_of(4);
        let content = self.packet(packet_type::SOURCE_DESCRIPTION, 1, content_len)?;
        content[..4].copy_from_slice(&ssrc.to_be_bytes());
        content[4..6].copy_from_slice(&[sdes::CNAME, len]);
        content[6..6 + cname.len()].copy_from_slice(cname.as_bytes());
        content[6 + cname.len()..].fill(0);
        Some(())
    }

    /// BYE of at most 31 sources.
    pub fn goodbye(&mut self, ssrcs: &[u32]) -> Option<()> {
        let count = count(ssrcs.len())?;
        let content = self.packet(packet_type::GOODBYE, count, ssrcs.len() * 4)?;
        write_words(content, ssrcs);
        Some(())
    }

    /// NACK of the given sequence numbers, which should rise: each entry covers the 16 that follow its first. As many
    /// as fit are asked for; returns how many those were, or `None` if there are none.
    pub fn nack(
        &mut self,
        sender_ssrc: u32,
        media_ssrc: u32,
        sequence_numbers: impl IntoIterator<Item = u16>,
    ) -> Option<usize> {
        let room = self.room().checked_sub(HEADER_LEN + 8)? / 4;
        let entries_start = self.end + HEADER_LEN + 8;
        let mut entries = 0;
        let mut asked = 0;
        let mut pending: Option<(u16, u16)> = None;
        for sequence_number in sequence_numbers {
            if let Some((first, bits)) = &mut pending {
                let behind = sequence_number.wrapping_sub(*first);
                if (1..=16).contains(&behind) {
                    *bits |= 1 << (behind - 1);
                    asked += 1;
                    continue;
                }
            }
            if entries + usize::from(pending.is_some()) == room {
                break;
            }
            if let Some(entry) = pending.replace((sequence_number, 0)) {
                self.nack_entry(entries_start + entries * 4, entry);
                entries += 1;
            }
            asked += 1;
        }
        self.nack_entry(entries_start + entries * 4, pending?);
        entries += 1;
        let content = self.packet(packet_type::TRANSPORT_FEEDBACK, transport_format::NACK, 8 + entries * 4)?;
        write_words(&mut content[..8], &[sender_ssrc, media_ssrc]);
        Some(asked)
    }

    fn nack_entry(&mut self, at: usize, (first, bits): (u16, u16)) {
        self.out[at..at + 2].copy_from_slice(&first.to_be_bytes());
        self.out[at + 2..at + 4].copy_from_slice(&bits.to_be_bytes());
    }

    /// PLI.
    pub fn pli(&mut self, sender_ssrc: u32, media_ssrc: u32) -> Option<()> {
        let content = self.packet(packet_type::PAYLOAD_FEEDBACK, payload_format::PLI, 8)?;
        write_words(content, &[sender_ssrc, media_ssrc]);
        Some(())
    }

    /// FIR.
    pub fn fir(&mut self, sender_ssrc: u32, entries: &[FirEntry]) -> Option<()> {
        let content = self.packet(packet_type::PAYLOAD_FEEDBACK, payload_format::FIR, 8 + entries.len() * 8)?;
        write_words(&mut content[..8], &[sender_ssrc, 0]);
        for (bytes, entry) in content[8..].as_chunks_mut::<8>().0.iter_mut().zip(entries) {
            write_words(bytes, &[entry.ssrc, u32::from(entry.sequence_number) << 24]);
        }
        Some(())
    }

    /// REMB of `bitrate` bits a second for at most 255 sources. The bitrate is rounded down to 18 significant bits.
    pub fn remb(&mut self, sender_ssrc: u32, bitrate: u64, ssrcs: &[u32]) -> Option<()> {
        let count = u8::try_from(ssrcs.len()).ok()?;
        let exponent = (u64::BITS - bitrate.leading_zeros()).saturating_sub(18);
        let mantissa = (bitrate >> exponent) as u32;
        let content_len = 16 + ssrcs.len() * 4;
        let content = self.packet(packet_type::PAYLOAD_FEEDBACK, payload_format::APPLICATION, content_len)?;
        write_words(&mut content[..8], &[sender_ssrc, 0]);
        content[8..12].copy_from_slice(&REMB_NAME);
        write_words(&mut content[12..16], &[(u32::from(count) << 24) | (exponent << 18) | mantissa]);
        write_words(&mut content[16..], ssrcs);
        Some(())
    }

    /// Transport-wide feedback: `arrivals[n]` is when the packet `base_sequence_number + n` arrived, `None` if it did
    /// not. Returns how many of them the packet tells of: fewer than all where the packet is full, or where two
    /// arrivals are more than 8 s apart, and the rest then needs another packet. `None` if nothing was written, because
    /// no packet that arrived could be told of.
    pub fn transport_feedback(
        &mut self,
        sender_ssrc: u32,
        media_ssrc: u32,
        feedback_count: u8,
        base_sequence_number: u16,
        arrivals: &[Option<Time>],
    ) -> Option<usize> {
        let start = self.end + HEADER_LEN + 8;
        // Only whole words can be used.
        let end = self.out.len() - (self.room() % 4);
        let body = self.out.get_mut(start..end)?;
        let (len, told) = transport_feedback::write(body, feedback_count, base_sequence_number, arrivals)?;
        let padded = len.next_multiple_of(4);
        body[len..padded].fill(0);
        if padded > len {
            body[padded - 1] = (padded - len) as u8;
        }
        let header_at = self.end;
        let content = self.packet(packet_type::TRANSPORT_FEEDBACK, transport_format::TRANSPORT_WIDE, 8 + padded)?;
        write_words(&mut content[..8], &[sender_ssrc, media_ssrc]);
        if padded > len {
            self.out[header_at] |= 0x20;
        }
        Some(told)
    }

    /// Congestion control feedback made at `now`, which is `timestamp` in units of 1/65536 s. `stream(n)` gives what is
    /// told of the nth source: its SSRC, the sequence number of the first packet, and when that one and those after it
    /// arrived; none behind the last. As much is written as fits; `told(n, count)` hears how many packets of each.
    /// `None` if nothing was written.
    pub fn congestion_feedback<'s>(
        &mut self,
        sender_ssrc: u32,
        (now, timestamp): (Time, u32),
        stream: impl Fn(usize) -> Option<(u32, u16, &'s [Option<Time>])>,
        mut told: impl FnMut(usize, usize),
    ) -> Option<()> {
        let start = self.end + HEADER_LEN + 4;
        let limit = self.out.len().checked_sub(4)?;
        let mut end = start;
        for n in 0.. {
            let Some((ssrc, first, arrivals)) = stream(n) else { break };
            let count = arrivals.len().min(congestion_feedback::fitting(limit.saturating_sub(end)));
            if count > 0 {
                let room = &mut self.out[end..limit];
                end += congestion_feedback::write_stream(room, now, ssrc, first, &arrivals[..count]);
                told(n, count);
            }
        }
        if end == start {
            return None;
        }
        let content_len = end + 4 - (start - 4);
        let content =
            self.packet(packet_type::TRANSPORT_FEEDBACK, transport_format::CONGESTION_CONTROL, content_len)?;
        content[..4].copy_from_slice(&sender_ssrc.to_be_bytes());
        content[content_len - 4..].copy_from_slice(&timestamp.to_be_bytes());
        Some(())
    }

    /// XR with our NTP time, for the other side to answer by a DLRR.
    pub fn receiver_reference_time(&mut self, ssrc: u32, ntp: u64) -> Option<()> {
        let content = self.packet(packet_type::EXTENDED_REPORTS, 0, 16)?;
        let block_head = (u32::from(RECEIVER_REFERENCE_TIME) << 24) | 2;
        write_words(content, &[ssrc, block_head, (ntp >> 32) as u32, ntp as u32]);
        Some(())
    }

    /// XR that answers reference times.
    pub fn delay_since_last_rr(&mut self, ssrc: u32, entries: &[DelaySinceLastRr]) -> Option<()> {
        let words = u16::try_from(entries.len() * 3).ok()?;
        let content = self.packet(packet_type::EXTENDED_REPORTS, 0, 8 + entries.len() * DLRR_ENTRY_LEN)?;
        write_words(&mut content[..8], &[ssrc, (u32::from(DELAY_SINCE_LAST_RR) << 24) | u32::from(words)]);
        for (bytes, entry) in content[8..].as_chunks_mut::<DLRR_ENTRY_LEN>().0.iter_mut().zip(entries) {
            write_words(bytes, &[entry.ssrc, entry.last_receiver_reference, entry.delay]);
        }
        Some(())
    }

    fn report(&mut self, packet_type: u8, head: &[u8], reports: &[ReportBlock]) -> Option<()> {
        let count = count(reports.len())?;
        let content = self.packet(packet_type, count, head.len() + reports.len() * BLOCK_LEN)?;
        let (start, blocks) = content.split_at_mut(head.len());
        start.copy_from_slice(head);
        for (bytes, report) in blocks.as_chunks_mut::<BLOCK_LEN>().0.iter_mut().zip(reports) {
            *bytes = report.to_bytes();
        }
        Some(())
    }

    /// Appends a header, and gives room for the content, a multiple of four bytes.
    fn packet(&mut self, packet_type: u8, count: u8, content_len: usize) -> Option<&mut [u8]> {
        let end = self.end + HEADER_LEN + content_len;
        let words = u16::try_from(content_len / 4).ok()?;
        let (header, content) = self.out.get_mut(self.end..end)?.split_first_chunk_mut::<HEADER_LEN>()?;
        *header = [(2 << 6) | count, packet_type, (words >> 8) as u8, words as u8];
        self.end = end;
        Some(content)
    }
}

fn count(len: usize) -> Option<u8> {
    (len <= MAX_COUNT).then_some(len as u8)
}

fn write_words(out: &mut [u8], words: &[u32]) {
    for (bytes, word) in out.as_chunks_mut::<4>().0.iter_mut().zip(words) {
        *bytes = word.to_be_bytes();
    }
}
