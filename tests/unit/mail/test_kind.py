"""What kind of mail it is: the corpus, and the signs one by one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.email import Address
from mail.headers import Headers
from mail.kind import Kind, classify
from mail.parse import parse

KINDS = Path(__file__).parents[2] / "mails" / "kinds"
NAMES = sorted(path.stem for path in KINDS.glob("*.eml"))


@pytest.mark.parametrize("name", NAMES)
def test_the_corpus(name: str) -> None:
    email = parse((KINDS / f"{name}.eml").read_bytes()).email
    expected = json.loads((KINDS / f"{name}.json").read_text())
    assert email.kind == expected["kind"]
    if "bounce" in expected:
        said = expected["bounce"]
        assert (email.bounce is None) == (said is None)
        if email.bounce is not None and said is not None:
            found = email.bounce.model_dump()
            assert {key: found[key] for key in said} == said


def test_every_kind_is_in_the_corpus() -> None:
    kinds = {json.loads((KINDS / f"{name}.json").read_text())["kind"] for name in NAMES}
    assert kinds == {"ordinary", "auto_reply", "bounce", "complaint", "list", "calendar", "report", "notification"}
    assert len(NAMES) >= 60


def kind_of(fields: str, *, subject: str = "Your order", text: str = "Hello", sender: str = "olga@example.net") -> Kind:
    return classify(
        Headers(fields.encode()),
        content_type="text/plain",
        report_type=None,
        from_=[Address(address=sender)],
        subject=subject,
        text=text,
        has_calendar=False,
        bounce=None,
        is_feedback_report=False,
    )


@pytest.mark.parametrize(
    "fields",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: Auto-Replied (vacation)",
        "X-Autoreply: yes",
        "X-Autorespond: Your order",
        "X-FC-MachineGenerated: true",
        "Precedence: auto_reply",
        "X-POST-MessageClass: 9; Autoresponder",
        "Delivered-To: Autoresponder",
        "X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent",
    ],
)
def test_a_field_that_only_responders_set_is_enough(fields: str) -> None:
    found = kind_of(fields)
    assert found.kind == "auto_reply"
    assert found.evidence


_BY_RULE = "X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent\r\nAuto-Submitted: auto-generated\r\n"


@pytest.mark.parametrize("subject", ["Invoice", "Out of office next week", "Re: Automatic reply: Invoice"])
def test_a_rule_that_sends_on_what_a_person_wrote_answers_nobody(subject: str) -> None:
    assert kind_of(_BY_RULE, subject=f"WG: {subject}").kind == "notification"
    assert kind_of(f"Resent-From: <ruth@example.net>\r\n{_BY_RULE}", subject=subject).kind == "notification"
    assert kind_of(_BY_RULE, subject=subject).kind == "auto_reply"


@pytest.mark.parametrize(
    "fields",
    [
        "",
        "Auto-Submitted: no",
        "X-Auto-Response-Suppress: All",
        "Return-Path: <>",
        "X-Autoreply: no",
        "Precedence: normal",
    ],
)
def test_one_weak_sign_makes_no_automatic_mail(fields: str) -> None:
    assert kind_of(fields).kind == "ordinary"


def test_a_subject_counts_only_with_a_second_sign() -> None:
    assert kind_of("", subject="Out of office").kind == "ordinary"
    assert kind_of("X-Auto-Response-Suppress: All", subject="Out of office").kind == "auto_reply"
    assert kind_of("", subject="Automatic reply: Your order").kind == "ordinary"
    assert kind_of("", subject="Automatic reply: Your order", text="I am out of the office.").kind == "auto_reply"
    assert kind_of("", subject="Re: Automatic reply: Your order", text="I am out of the office.").kind == "ordinary"


def test_what_exchange_sets_on_the_mail_of_people_is_no_second_sign() -> None:
    holiday = "Ich bin im Urlaub, bitte erst danach liefern."
    some = "X-Auto-Response-Suppress: DR, OOF, AutoReply"
    assert kind_of(some, subject="Urlaub und Lieferung", text=holiday).kind == "ordinary"
    every = "X-Auto-Response-Suppress: All"
    quoted = "Wann kommt jemand?\n\n> Dies ist eine automatische Antwort."
    assert kind_of(every, subject="AW: Automatische Antwort: Heizung", text=quoted).kind == "ordinary"


def test_evidence_names_the_signs() -> None:
    found = kind_of("Return-Path: <>\nPrecedence: bulk", subject="Abwesend")
    assert found.kind == "auto_reply"
    assert any("Return-Path" in line for line in found.evidence)
    assert any("Precedence" in line for line in found.evidence)


def test_a_website_that_names_the_person_in_reply_to_is_ordinary() -> None:
    assert kind_of("", sender="noreply@example.org").kind == "notification"
    assert kind_of("Reply-To: olga@example.net", sender="noreply@example.org").kind == "ordinary"


def test_our_own_mail_come_back_is_a_notification() -> None:
    found = classify(
        Headers(b""),
        content_type="text/plain",
        report_type=None,
        from_=[],
        subject="",
        text="",
        has_calendar=False,
        bounce=None,
        is_feedback_report=False,
        message_id_own=True,
    )
    assert found.kind == "notification"
