"""What the tests share: a real bridge process, media that says whose it is, and clients."""
