"""No mail, however it was made, costs more than its size: a megabyte in well under the parser's limit."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from mail.authentication import read_results
from mail.bounce import read_bounce
from mail.forward import find_forwarded
from mail.headers import Headers
from mail.kind import classify
from mail.reply import extract_reply

MEGABYTE = 1_000_000
# CPU seconds; these take 0.05 to 0.7 each on a machine that has nothing else to do, a quadratic step takes minutes.
LIMIT = 5.0


def filled(unit: str) -> str:
    return unit * (MEGABYTE // len(unit))


TEXTS = {
    "one line of quote marks": filled("> "),
    "quote marks": filled(">\n"),
    "On": filled("On "),
    "On, line by line": filled("On \n"),
    "attributions on one line": filled("On 1 May 2020 a@b.c wrote: "),
    "attributions behind words": filled("yes On 1 May 2020 at 10:00, a@b.c wrote:\n"),
    "wrote": filled("wrote:\n"),
    "colons": filled(":\n"),
    "From": filled("From: a@example.com\n"),
    "header soup": filled("From: a\nTo: b\nFrom: c\n"),
    "recipients": "From: a\nTo: " + filled("a@example.com,\n"),
    "rules": filled("-----\n"),
    "spaces": filled(" "),
    "at signs": filled("@"),
    "angles": filled("<"),
    "addresses": filled("a@b,"),
    "dates": filled("2020-01-01 10:00 <a@b.c>\n"),
    "closings": filled("Best regards\n"),
    "notices": filled("This e-mail is confidential\n\n"),
    "banners": filled("Sent from my iPhone\n"),
    "forwards": filled("---------- Forwarded message ---------\n"),
    "parentheses": filled("("),
    "words": filled("word "),
    "Chinese": filled("写道"),
    "undeliverable": filled("message could not be "),
}
PAGES = {
    "nested quotations": "<blockquote type=cite>" * 5_000 + "x" + "</blockquote>" * 5_000,
    "quotations never closed": "<blockquote type=cite>" * 40_000,
    "Gmail's elements": "<div class=gmail_quote>" * 40_000,
    "quotations in a row": "<div class=gmail_quote></div><blockquote type=cite>a</blockquote>" * 15_000,
    "half a tag": "quote<div" + filled(" "),
    "an endless attribute": "<div class='quote" + filled("a "),
    "signatures": "<div class=gmail_signature>" * 35_000,
}


def assert_quick(call: Callable[[], object]) -> None:
    start = time.process_time()
    call()
    assert time.process_time() - start < LIMIT


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_megabyte_of_text(text: str) -> None:
    assert_quick(lambda: extract_reply(text, "", [text[:100_000]]))
    assert_quick(lambda: find_forwarded("Fwd: x", text, ""))


@pytest.mark.parametrize("html", PAGES.values(), ids=PAGES.keys())
def test_a_megabyte_of_html(html: str) -> None:
    assert_quick(lambda: extract_reply("", html))
    assert_quick(lambda: extract_reply("hello\n", html))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_megabyte_that_claims_to_be_a_report(text: str) -> None:
    headers = Headers(
        b"From: MAILER-DAEMON@example.com\nSubject: failure notice\nReturn-Path: <>\nAuto-Submitted: auto-generated\n"
    )
    assert_quick(
        lambda: read_bounce(headers, delivery_status=[text], returned_headers=text, text=text, is_dsn_multipart=False)
    )
    assert_quick(
        lambda: classify(
            headers,
            content_type="text/plain",
            report_type=None,
            from_=[],
            subject=text,
            text=text,
            has_calendar=False,
            bounce=None,
            is_feedback_report=False,
        )
    )


@pytest.mark.parametrize("unit", ["(", "((a) ", '"', "\\", ";", "spf=pass ", "dkim=pass header.d=a;", "a.b=c "])
def test_a_long_authentication_results_field(unit: str) -> None:
    headers = Headers(b"Authentication-Results: " + filled(unit).encode()[:60_000] + b"\n")
    assert_quick(lambda: read_results(headers))
