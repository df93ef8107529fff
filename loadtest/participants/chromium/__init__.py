"""Real Chromium, driven over the DevTools protocol: real encoders, decoders, jitter buffers and congestion control."""
