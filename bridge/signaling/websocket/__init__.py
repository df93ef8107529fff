"""The WebSocket door at `/v1/signal`: JSON messages, described in `docs/protocol/`."""
