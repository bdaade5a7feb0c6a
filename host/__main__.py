"""`python -m host`."""

import signal
import sys

from host.cli import main

if __name__ == "__main__":
    # Being told to end releases port and virtual board as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
