"""`python -m bench [NAME…]`: runs the named benchmarks, or all of them."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import sys

NAMES = ("pipeline", "parser", "find_thread", "imap", "webhooks", "console", "telemetry")


def main(names: list[str]) -> None:
    for name in names or NAMES:
        if name not in NAMES:
            sys.exit(f"there is no benchmark {name}: {', '.join(NAMES)}")
        print(f"{name}:")
        sys.argv[1:] = []  # each has options of its own when it is run by itself
        running = importlib.import_module(f"bench.{name}").main()
        if inspect.iscoroutine(running):
            asyncio.run(running)


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    # The Temporal SDK may crash the interpreter as it ends (sdk-python #300).
    os._exit(0)
