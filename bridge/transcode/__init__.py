"""Legs: media that is transcoded, mixed or composed for a participant who cannot take what is sent.

`supervisor` is the bridge's side: a budget, and processes that are started, watched and started again. `launcher` is
what they are forked from, `child` what each one runs, and all else here is what happens inside it. Each hangs on a
`PlainTransport` of the core, so that it may crash alone; what came from the network is parsed there and nowhere else.
`bridge.sfu.derived` decides when there is to be one.
"""
