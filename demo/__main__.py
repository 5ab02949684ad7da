"""`python -m demo`: tell a story, and end in a way that a person and a scheduler understand."""

from __future__ import annotations

import os
import signal
import sys

from demo import story
from demo.failure import DemoError

# What a shell makes of a signal.
SIGNALLED = 128


# Each story needs other packages, and make installs those of one.
def _demo() -> None:
    from demo import with_report  # noqa: PLC0415

    story.run(with_report.tell)


def _meltano() -> None:
    from demo import through_meltano  # noqa: PLC0415

    story.run(through_meltano.tell)


def _meltano_without_network() -> None:
    from demo import through_meltano  # noqa: PLC0415

    story.run(through_meltano.tell_without_network)


def _airflow() -> None:
    from demo import through_airflow  # noqa: PLC0415

    through_airflow.tell()


STORIES = {
    (): _demo,
    ("airflow",): _airflow,
    ("meltano",): _meltano,
    ("meltano", "--without-network"): _meltano_without_network,
}


def main() -> int:
    """Run the demo.

    Returns:
        The exit status: 0 when the warehouse holds what Zuora holds.
    """
    tell = STORIES.get(tuple(sys.argv[1:]))
    if tell is None:
        sys.stderr.write("usage: python -m demo [airflow | meltano [--without-network]]\n")
        return 2
    # An exception, so that everything that was started is ended on the way out.
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Whoever started this with nohup does not want it to hear that.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda caught, _: sys.exit(SIGNALLED + caught))
    try:
        tell()
    except DemoError as error:
        sys.stderr.write(f"\nThe demo failed. {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped; nothing is left running.\n")
        return SIGNALLED + signal.SIGINT
    except BrokenPipeError:
        # Nobody reads on; without this Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
