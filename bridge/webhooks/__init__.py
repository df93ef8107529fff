"""Tells vendors' servers what happens in their rooms, by the Standard Webhooks scheme, from an outbox on disk.

What is to be told is written in the same transaction as the audit log's entry: neither is there without the other.
"""

from bridge.webhooks.outbox import Outbox
from bridge.webhooks.sender import WebhookSender
from bridge.webhooks.signing import Endpoint, read_secret, signature

__all__ = ["Endpoint", "Outbox", "WebhookSender", "read_secret", "signature"]
