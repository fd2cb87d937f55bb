"""The demo's mails are well-formed and the same every time, so that sending them again changes nothing."""

import email
import email.policy
from datetime import UTC, datetime

import pytest

from workers.dev.demo_mails import Conversation, DemoMail, conversation

START = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


def all_mails(made: Conversation) -> list[DemoMail]:
    return list(vars(made).values())


@pytest.fixture
def mails() -> Conversation:
    return conversation(START)


def test_the_same_start_makes_the_same_bytes(mails: Conversation) -> None:
    again = conversation(START)

    assert [mail.as_bytes() for mail in all_mails(mails)] == [mail.as_bytes() for mail in all_mails(again)]


def test_the_reply_answers_the_first_mail_and_carries_a_file(mails: Conversation) -> None:
    reply = mails.terminal_reply.message

    assert reply["In-Reply-To"] == mails.terminal.message["Message-ID"]
    assert [part.get_filename() for part in reply.iter_attachments()] == ["self-test.txt"]


def test_the_repeated_mail_differs_in_its_way_only(mails: Conversation) -> None:
    first, second = mails.colleague.as_bytes(), mails.repeated.as_bytes()

    assert second != first
    assert second.endswith(first)
    assert mails.repeated.message_id == mails.colleague.message_id


def test_only_the_repeated_mail_shares_a_message_id(mails: Conversation) -> None:
    assert len({mail.message_id for mail in all_mails(mails)}) == len(all_mails(mails)) - 1


def test_every_mail_reads_without_a_defect_and_uses_reserved_domains(mails: Conversation) -> None:
    for mail in all_mails(mails):
        read = email.message_from_bytes(mail.as_bytes(), policy=email.policy.default)
        assert not read.defects
        for name in ("From", "To"):
            assert all(a.domain.endswith((".example", ".test")) for a in read[name].addresses)
        assert all(len(line) <= 100 for line in mail.as_bytes().splitlines())
