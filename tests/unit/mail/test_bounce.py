"""Delivery reports: read where they are, and nowhere else."""

from __future__ import annotations

import pytest

from domain.email import Bounce
from mail.bounce import read_bounce, severity
from mail.bounce_text import split_returned, status
from mail.headers import Headers

DAEMON = Headers(
    b"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nTo: support@example.com\nSubject: failure notice\n"
)
PERSON = Headers(b"From: Greta Holm <greta@example.org>\nTo: support@example.com\nSubject: Undelivered mail\n")


def read(headers: Headers, text: str = "", **parts: object) -> Bounce | None:
    given: dict[str, object] = {"delivery_status": [], "returned_headers": None, "is_dsn_multipart": False, **parts}
    return read_bounce(headers, text=text, **given)  # type: ignore[arg-type]


def test_the_report_part_decides() -> None:
    report = "Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; olga@example.net\nAction: failed\nStatus: 5.1.1\n"
    found = read(DAEMON, delivery_status=[report], returned_headers="Message-ID: <out-1@example.com>\n")
    assert found == Bounce(
        recipient="olga@example.net", status="5.1.1", action="failed", original_message_id="out-1@example.com"
    )


def test_the_failed_recipient_counts_among_several() -> None:
    report = (
        "Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@example.net\nAction: relayed\nStatus: 2.0.0\n\n"
        "Final-Recipient: rfc822; b@example.net\nAction: failed\nStatus: 5.0.0\n"
    )
    found = read(DAEMON, delivery_status=[report])
    assert found is not None
    assert found.recipient == "b@example.net"


def test_a_report_of_success_is_no_bounce() -> None:
    report = "Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@example.net\nAction: delivered\nStatus: 2.0.0\n"
    assert read(DAEMON, delivery_status=[report], is_dsn_multipart=True) is None


def test_a_report_without_its_parts_is_read_from_its_text() -> None:
    found = read(
        DAEMON,
        "The following address failed:\n\n  olga@example.net\n    550 5.1.1 no such user\n",
        is_dsn_multipart=True,
    )
    assert found is not None
    assert (found.recipient, found.status, found.action) == ("olga@example.net", "5.1.1", "failed")


def test_a_person_writing_about_bounces_is_no_mail_server() -> None:
    text = "My mail to olga@example.net comes back: 550 5.1.1 User unknown, message could not be delivered."
    assert read(PERSON, text) is None


def test_a_mail_server_writing_about_something_else_is_no_report() -> None:
    headers = Headers(b"From: Postmaster <postmaster@example.org>\nSubject: We move on Saturday\n")
    assert read(headers, "The new machine is faster.") is None


def test_a_late_mail_is_a_bounce_that_is_delayed() -> None:
    found = read(
        DAEMON, "Your message has not yet been delivered to:\n\n  olga@example.net\n\nWe will continue to retry.\n"
    )
    assert found is not None
    assert (found.action, severity(found)) == ("delayed", "soft")


@pytest.mark.parametrize(
    ("bounce", "expected"),
    [
        (Bounce(action="failed", status="5.1.1"), "hard"),
        (Bounce(action="failed", status="5.2.2"), "soft"),
        (Bounce(action="failed", status="5.7.1"), "soft"),
        (Bounce(action="failed", status="4.4.1"), "soft"),
        (Bounce(action="delayed", status=None), "soft"),
        (Bounce(action="failed", status=None), "hard"),
    ],
)
def test_hard_means_that_the_address_takes_no_mail(bounce: Bounce, expected: str) -> None:
    assert severity(bounce) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("550 5.1.10 Recipient not found", "5.1.10"),
        ("The mailbox is full", "5.2.2"),
        ("Host unknown", "5.1.2"),
        ("user unknown", "5.1.1"),
        ("said: 451 try again", "4.0.0"),
        ("version 10.5.1.1.2 of the program", None),
        ("nothing to see", None),
    ],
)
def test_status_from_what_is_printed(text: str, expected: str | None) -> None:
    assert status(text) == expected


def test_the_returned_mail_is_told_from_the_report() -> None:
    report, returned = split_returned(
        "It failed.\n\n--- Below this line is a copy of the message.\n\nMessage-ID: <a@b>\n"
    )
    assert "Message-ID" not in report
    assert returned is not None
    assert "Message-ID" in returned


def test_the_sender_itself_is_never_the_recipient() -> None:
    found = read(DAEMON, "Dear support@example.com, your mail could not be delivered to olga@example.net: user unknown")
    assert found is not None
    assert found.recipient == "olga@example.net"


def test_a_parcel_that_could_not_be_delivered_is_no_mail() -> None:
    headers = Headers(b"From: Courier <info@example.org>\nSubject: Delivery failed\nAuto-Submitted: auto-generated\n")
    assert read(headers, "Your parcel could not be delivered today. We will try again tomorrow.") is None


def test_a_postmaster_who_answers_is_a_person() -> None:
    headers = Headers(b"From: Postmaster <postmaster@example.org>\nSubject: Re: Undelivered Mail Returned to Sender\n")
    assert read(headers, "Thank you for the report, the mailbox was full. It is repaired.") is None


def test_a_gateway_with_a_name_of_its_own_is_a_mail_server() -> None:
    headers = Headers(b"From: Gateway <gw@example.org>\nSubject: Delivery failure\nAuto-Submitted: auto-generated\n")
    found = read(headers, "Your message could not be delivered to olga@example.net: mailbox is full.")
    assert found is not None
    assert (found.recipient, found.status) == ("olga@example.net", "5.2.2")
