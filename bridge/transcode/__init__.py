"""Legs: media that is transcoded, mixed or composed for a participant who cannot take what is sent.

None is built yet. A receiver that lacks the codec of a producer is told so (`unsupported_codec`, see
`bridge.sfu.subscribe_connection`), and the others are not affected. Legs will live in child processes, each on a
`PlainTransport` of the core, so that one may crash alone.
"""
