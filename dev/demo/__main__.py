"""`python -m dev.demo`: run a demo, and end in a way that a person and a scheduler understand."""

from __future__ import annotations

import importlib
import os
import signal
import sys

from dev.testbed.tool_error import ToolError

# A shell adds this to the number of a signal.
SIGNALLED = 128
# Each demo needs different packages, and make installs those of one: only the module of that one is imported.
DEMOS = {
    (): ("pipe_walkthrough", "run"),
    ("airflow",): ("airflow_walkthrough", "run"),
    ("meltano",): ("meltano_walkthrough", "run"),
    ("meltano", "--without-network"): ("meltano_walkthrough", "run_without_network"),
}


def main() -> int:
    """Run the demo that the arguments name.

    Returns:
        The exit status: 0 if the warehouse has the same rows as Zuora.
    """
    demo = DEMOS.get(tuple(sys.argv[1:]))
    if demo is None:
        sys.stderr.write("usage: python -m dev.demo [airflow | meltano [--without-network]]\n")
        return 2
    module, function = demo
    # An exception, so that every process that was started is ended on the way out.
    for number in (signal.SIGTERM, signal.SIGHUP):
        # A signal that is ignored at the start, as by `nohup`, stays ignored.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda caught, _: sys.exit(SIGNALLED + caught))
    try:
        getattr(importlib.import_module(f"dev.demo.{module}"), function)()
    except ToolError as error:
        sys.stderr.write(f"\nThe demo failed. {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped; nothing is left running.\n")
        return SIGNALLED + signal.SIGINT
    except BrokenPipeError:
        # Without a reader, Python would report another error when it flushes its output at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
