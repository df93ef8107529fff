"""The stream that a leg sends: sequence numbers, timestamps, sender reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bridge.transcode import rtp


class RtpSender:
    """Payloads in, RTP packets out, under one SSRC."""

    def __init__(self, send: Callable[[bytes], None], payload_type: int, ssrc: int, sequence: int) -> None:
        self._send = send
        self._payload_type = payload_type
        self._ssrc = ssrc
        self.sequence = sequence
        """The next sequence number."""
        self.packets = 0
        self.octets = 0
        """Of payloads."""

    def send(
        self,
        payloads: Sequence[bytes],
        timestamp: int,
        *,
        marker: bool = True,
        payload_type: int | None = None,
        extension: tuple[int, bytes] | None = None,
    ) -> None:
        """Sends payloads that share a timestamp; the last one carries the marker bit and the header extension."""
        for index, payload in enumerate(payloads):
            last = index == len(payloads) - 1
            self._send(
                rtp.write(
                    self._payload_type if payload_type is None else payload_type,
                    self.sequence,
                    timestamp,
                    self._ssrc,
                    payload,
                    marker=marker and last,
                    extension=extension if last else None,
                )
            )
            self.sequence = (self.sequence + 1) & 0xFFFF
            self.packets += 1
            self.octets += len(payload)

    def report(self, ntp: int, timestamp: int) -> None:
        """Says where this stream's timestamps lie on the publisher's clock: sound and picture stay in step."""
        if self.packets:
            report = rtp.SenderReport(self._ssrc, ntp, timestamp)
            self._send(rtp.write_sender_report(report, self.packets, self.octets))
