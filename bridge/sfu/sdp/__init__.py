"""Session descriptions (RFC 8866) as WebRTC uses them (RFC 8829): a grammar, and the offers and answers of the bridge.

`parser` and `writer` turn text into `description` and back; `publish_answer`, `watch_answer` and `subscribe_offer` hold
the rules of negotiation. Nothing here does I/O or knows of transports, sessions or the core.
"""
