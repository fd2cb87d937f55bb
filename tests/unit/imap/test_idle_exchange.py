from __future__ import annotations

import pytest

from providers.imap.idle import IdleExchange


def after(*lines: bytes) -> IdleExchange:
    exchange = IdleExchange("A1")
    for line in lines:
        exchange.line(line)
    return exchange


@pytest.mark.parametrize(
    "line", [b"* 3 EXISTS", b"* 3 exists", b"* 1 RECENT", b'* STATUS "Support" (UIDNEXT 5 UIDVALIDITY 1)']
)
def test_announcements(line: bytes) -> None:
    assert after(b"+ idling", line).announced


@pytest.mark.parametrize(
    "line",
    [b"* OK Still here", b"* 3 EXPUNGE", b"* 2 FETCH (FLAGS (\\Seen))", b"* NO 3 EXISTS", b"3 EXISTS", b"", b"*"],
)
def test_what_announces_nothing(line: bytes) -> None:
    exchange = after(b"+ idling", line)
    assert (exchange.announced, exchange.completed, exchange.closing) == (False, None, False)


@pytest.mark.parametrize(("line", "kind"), [(b"A1 OK done", b"OK"), (b"A1 no", b"NO"), (b"A1 BAD x", b"BAD")])
def test_tagged_answer_completes(line: bytes, kind: bytes) -> None:
    assert after(line).completed == kind


def test_answer_to_another_tag_completes_nothing() -> None:
    assert after(b"A10 OK done").completed is None


def test_bye_closes() -> None:
    assert after(b"+", b"* BYE Autologout").closing


def test_continuation_accepts_also_without_text() -> None:
    assert after(b"+").accepted
