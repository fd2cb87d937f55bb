"""What a person sees while the set-up runs, and the log files that keep everything."""

import io
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TextIO

ROTATE_AT = 10 * 1024 * 1024
LONGEST_LINE = 4_000

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_ESCAPE_SEQUENCE = re.compile(rb"\x1b\[[0-9;?]*[ -/]*[@-~]")
# What a child prints is data: it may not move the cursor or retitle the terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def wants_colour(stream: TextIO) -> bool:
    """Colour for a terminal, unless NO_COLOR (no-color.org) or a dumb terminal says otherwise."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Console:
    """Prints calm lines, each with the short name of who speaks in front."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        if isinstance(self._stream, io.TextIOWrapper):
            # The terminal may lack a letter of what is shown.
            self._stream.reconfigure(errors="replace")
        self._colour = wants_colour(self._stream)
        self._names: dict[str, int] = {}

    def say(self, text: str) -> None:
        """A line of the supervisor itself."""
        self.line("postroom", text)

    def line(self, name: str, text: str) -> None:
        """A line of `name`; control characters are replaced, overlong lines cut."""
        shown = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text[:LONGEST_LINE])
        self._print(f"{self._label(name)} {shown}")

    def block(self, text: str) -> None:
        """Several lines of our own, printed as they are."""
        self._print(text)

    def _label(self, name: str) -> str:
        padded = f"{name:<9}"
        if not self._colour:
            return f"{padded}|"
        colour = _COLOURS[self._names.setdefault(name, len(self._names)) % len(_COLOURS)]
        return f"\x1b[{colour}m{padded}|\x1b[0m"

    def _print(self, text: str) -> None:
        # Nobody may read any more: the log files have it, and the mail must go on.
        with suppress(BrokenPipeError):
            print(text, file=self._stream, flush=True)


class LogFile:
    """Appends to a file and starts it anew at `ROTATE_AT` bytes, keeping one older file beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        if self._file.tell() > ROTATE_AT:
            self._file.close()
            self.path.replace(self.path.with_name(self.path.name + ".1"))
            self._file = self.path.open("ab", buffering=0)
        self._file.write(_ESCAPE_SEQUENCE.sub(b"", data))

    def last_line(self) -> str:
        """The last line that says something, or an empty string."""
        with self.path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 2 * LONGEST_LINE))
            lines = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines()]
        return next((line for line in reversed(lines) if line), "")

    def close(self) -> None:
        self._file.close()
