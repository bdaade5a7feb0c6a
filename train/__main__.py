"""`python -m train`."""

import sys


def _run() -> int:
    try:  # around the imports as well: they take most of the time in which a hasty user interrupts
        from train.cli import main

        return main()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(_run())
