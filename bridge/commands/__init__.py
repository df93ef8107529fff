"""What the command `bridge` does, a module for each of its commands.

Each has `add_arguments(parser)` and `run(options)`, which gives the exit code and raises what `bridge.cli` tells of. A
module is loaded when its command is asked for, and no sooner: a join token needs nothing of what transcodes.
"""
