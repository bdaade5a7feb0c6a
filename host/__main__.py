"""`python -m host`."""

import sys


def _run() -> int:
    try:  # around the imports as well: they take most of the time in which a hasty user interrupts
        import signal

        from host.cli import main

        # Being told to end releases port and virtual board as Ctrl-C does.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        code = main()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done: there is nothing left to interrupt
    except KeyboardInterrupt:  # before the first command, or once more while it tidied up
        print("interrupted", file=sys.stderr)
        return 130
    return code


if __name__ == "__main__":
    sys.exit(_run())
