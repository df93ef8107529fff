"""`python -m loadtest`."""

import sys

from loadtest.cli import main

if __name__ == "__main__":
    # Not in processes that the emulator starts, which read this file too.
    sys.exit(main())
