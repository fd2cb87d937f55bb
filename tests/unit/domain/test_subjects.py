"""Subjects: reply marks of the mail programs people use, and ticket numbers in brackets only."""

from __future__ import annotations

import pytest

from domain import subjects


@pytest.mark.parametrize(
    ("subject", "key"),
    [
        ("Printer on fire", "printer on fire"),
        ("Re: Printer  on FIRE", "printer on fire"),
        ("AW: WG: Re[2]: Printer on fire", "printer on fire"),
        ("SV: VS: RES: Printer on fire", "printer on fire"),
        ("回复：Printer on fire", "printer on fire"),
        ("Re: [Ticket #42] Printer on fire", "printer on fire"),
        ("[#42] Re: Printer on fire", "printer on fire"),
        ("Response: late", "response: late"),
        ("", ""),
    ],
)
def test_conversations_compare_by_what_is_left(subject: str, key: str) -> None:
    assert subjects.normalised(subject) == key


@pytest.mark.parametrize(("subject", "reply"), [("Re: A", True), ("[#4] AW: A", True), ("A", False), ("Read", False)])
def test_a_reply_has_a_mark(subject: str, reply: bool) -> None:
    assert subjects.is_reply(subject) is reply


@pytest.mark.parametrize(
    ("subject", "number"),
    [
        ("Re: [#42] A", 42),
        ("[Ticket #42] A", 42),
        ("[Fall # 7]", 7),
        ("Invoice #42", None),
        ("#42", None),
        ("[42]", None),
        ("[#1234567890123456]", None),
        ("[2026 #42]", None),
    ],
)
def test_a_ticket_number_stands_in_brackets(subject: str, number: int | None) -> None:
    assert subjects.ticket_number(subject) == number
