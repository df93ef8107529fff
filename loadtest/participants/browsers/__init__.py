"""Real browsers: real encoders, decoders, jitter buffers and congestion control.

Chromium is driven over the DevTools protocol, Firefox over WebDriver BiDi.
"""
