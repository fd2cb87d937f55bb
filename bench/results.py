"""bench/RESULTS.md: one section a benchmark, each replaced by its next run."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

# What was measured, and the figure with its unit.
Row = tuple[str, str]

FILE = Path(__file__).with_name("RESULTS.md")
_HEAD = """# Results

Written by `make bench`. Ratios within one run travel between machines, absolute figures do not.
"""


def write(title: str, how: str, rows: list[Row]) -> None:
    """Replaces the section `title` by a table of (what, figure)."""
    table = "\n".join(f"| {what} | {figure} |" for what, figure in rows)
    section = f"## {title}\n\n{how}\n\n{machine()}\n\n| what | figure |\n|---|---|\n{table}\n"
    text = FILE.read_text("utf-8") if FILE.exists() else _HEAD
    pattern = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    text = pattern.sub(lambda _: section + "\n", text) if pattern.search(text) else f"{text.rstrip()}\n\n{section}"
    FILE.write_text(text.rstrip() + "\n", "utf-8")
    for what, figure in rows:
        print(f"{what:60} {figure}")


def machine() -> str:
    """One line about where and when."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {memory} GiB, Linux {platform.machine()}, "
        f"Python {platform.python_version()}; load of the machine before the run: {os.getloadavg()[0]:.1f}."
    )
