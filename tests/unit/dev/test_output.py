"""The console shows who speaks and nothing a child could use to fool the terminal; the log files keep everything."""

import io
from pathlib import Path

import pytest

from workers.dev import output
from workers.dev.output import Console, LogFile


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_carry_the_short_name_and_no_colour_when_it_is_no_terminal() -> None:
    stream = io.StringIO()
    console = Console(stream)

    console.say("starting")
    console.line("worker", "hello")

    assert stream.getvalue() == "postroom | starting\nworker   | hello\n"


def test_a_terminal_gets_one_colour_per_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    console = Console(stream)

    console.line("worker", "one")
    console.line("web", "two")
    console.line("worker", "three")

    first, second, third = stream.getvalue().splitlines()
    assert first.startswith("\x1b[")
    assert first.split("worker")[0] == third.split("worker")[0] != second.split("web")[0]


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()

    Console(stream).line("worker", "plain")

    assert "\x1b" not in stream.getvalue()


def test_control_and_bidirectional_characters_of_a_child_do_not_reach_the_terminal() -> None:
    stream = io.StringIO()

    Console(stream).line("worker", "a\x1b]0;title\x07b\x9bc\u202ed\re")

    shown = stream.getvalue()
    assert not any(character in shown for character in "\x1b\x07\x9b\u202e\r")
    assert "title" in shown


def test_a_terminal_that_lacks_a_letter_shows_the_rest() -> None:
    shown = io.BytesIO()
    terminal = io.TextIOWrapper(shown, encoding="ascii")

    Console(terminal).say("r\xe9sum\xe9")

    assert shown.getvalue() == b"postroom | r?sum?\n"


def test_a_closed_terminal_does_not_stop_the_mail() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    Console(Gone()).say("nobody listens")


def test_a_log_starts_anew_when_it_has_grown_and_keeps_the_older_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "ROTATE_AT", 10)
    log = LogFile(tmp_path / "worker.log")

    for line in (b"first line\n", b"second line\n", b"third\n"):
        log.write(line)
    log.close()

    assert (tmp_path / "worker.log").read_bytes() == b"third\n"
    assert (tmp_path / "worker.log.1").read_bytes() == b"second line\n"


def test_the_last_line_is_the_last_one_that_says_something(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "worker.log")
    assert log.last_line() == ""

    log.write(b"Traceback\n  \x1b[31mcannot connect\x1b[0m\n\n")

    assert log.last_line() == "cannot connect"
    log.close()
