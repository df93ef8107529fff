"""The leg that records: packets of several tracks become encrypted WebM, a stream for each picture with its sound.

`leg` is what the bridge holds of it, `process` what runs in the child, `messages` what they say to each other.
"""
