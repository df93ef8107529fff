"""Tells vendors what happens in their rooms: by the Standard Webhooks scheme from an outbox on disk, and on request.

What is to be told is written in the same transaction as the audit log's entry: neither is there without the other.
"""

from bridge.webhooks.endpoints import read_endpoints
from bridge.webhooks.event_log import EventLog
from bridge.webhooks.outbox import TYPES, Outbox
from bridge.webhooks.sender import WebhookSender
from bridge.webhooks.signing import Endpoint, read_secret, signature

__all__ = ["TYPES", "Endpoint", "EventLog", "Outbox", "WebhookSender", "read_endpoints", "read_secret", "signature"]
