"""The message catalogue of the WebSocket door: its one source of truth.

`parts` holds what messages are made of, `client` what clients send, `server` what the bridge sends. Messages are
decoded into these types, and `docs/protocol/*.schema.json` are written from them (`schema`), so that neither can say
what the other does not.
"""
