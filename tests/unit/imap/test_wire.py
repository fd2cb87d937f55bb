from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from providers.imap.wire import IDLE_LIMIT, AnswerTooLarge, Wire


@pytest.fixture
def pair() -> Iterator[tuple[Wire, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Wire(ours, read_timeout=0.2, command_timeout=5), theirs


def test_what_a_command_left_in_the_buffer_the_idle_reader_sees(pair: tuple[Wire, socket.socket]) -> None:
    wire, server = pair
    server.sendall(b"A1 OK done\r\n* 3 EXISTS\r\n* 4 EX")
    assert wire.readline() == b"A1 OK done\r\n"
    wire.nonblocking()
    assert wire.lines() == [b"* 3 EXISTS"]
    server.sendall(b"ISTS\r\n")
    assert wire.lines() == [b"* 4 EXISTS"]
    assert wire.lines() == []


def test_what_the_idle_reader_left_a_command_sees(pair: tuple[Wire, socket.socket]) -> None:
    wire, server = pair
    server.sendall(b"A1 OK idle ended\r\n* 3 EXI")
    wire.nonblocking()
    assert wire.lines() == [b"A1 OK idle ended"]
    server.sendall(b"STS\r\n{5}\r\nhello rest\r\n")
    wire.begin(1000)
    assert wire.readline() == b"* 3 EXISTS\r\n"
    assert wire.readline() == b"{5}\r\n"
    assert wire.read(5) == b"hello"
    assert wire.readline() == b" rest\r\n"


def test_end_of_the_connection(pair: tuple[Wire, socket.socket]) -> None:
    wire, server = pair
    server.sendall(b"* BYE\r\npart")
    server.close()
    wire.nonblocking()
    assert wire.lines() == [b"* BYE"]
    assert wire.eof
    wire.begin(1000)
    assert wire.readline() == b"part"
    assert wire.readline() == b""
    assert wire.read(3) == b""


def test_silence_costs_the_read_time_out(pair: tuple[Wire, socket.socket]) -> None:
    with pytest.raises(TimeoutError):
        pair[0].readline()


def test_more_than_the_budget_is_refused_before_it_is_read(pair: tuple[Wire, socket.socket]) -> None:
    wire, server = pair
    wire.begin(10)
    server.sendall(b"12345")
    assert wire.read(5) == b"12345"
    with pytest.raises(AnswerTooLarge):
        wire.read(6)


def test_flood_in_idle_counts_as_the_end(pair: tuple[Wire, socket.socket]) -> None:
    wire, server = pair
    wire.nonblocking()
    server.setblocking(False)
    for _ in range(2 * IDLE_LIMIT // 1024):
        try:
            server.send(b"x" * 1024)
        except BlockingIOError:
            wire.lines()
    wire.lines()
    assert wire.eof


def test_line_that_does_not_fit_shows_a_dead_connection(pair: tuple[Wire, socket.socket]) -> None:
    wire, _ = pair
    wire.nonblocking()

    def congest() -> None:
        while True:
            wire.send_now(b"DONE\r\n" * 10_000)

    with pytest.raises((BlockingIOError, TimeoutError)):
        congest()
