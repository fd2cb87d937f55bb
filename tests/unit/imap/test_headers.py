"""The FETCH answers of listings, as imaplib hands them over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from providers.imap.headers import Header, field_value, parse_headers, parse_status

SECTION = b"BODY[HEADER.FIELDS (MESSAGE-ID)]<0> {%d}"


def parsed(*data: Any) -> dict[int, Header]:
    return dict(parse_headers(list(data)))


def test_dovecot() -> None:
    head = b"Message-ID: <a@example.org>\r\n\r\n"
    prefix = b'1 (UID 41 RFC822.SIZE 293 INTERNALDATE "21-Nov-2026 19:16:20 +0200" ' + SECTION % len(head)
    at = datetime(2026, 11, 21, 17, 16, 20, tzinfo=UTC)
    assert parsed((prefix, head), b")") == {41: Header("<a@example.org>", 293, at)}


def test_exchange_gives_the_uid_last() -> None:
    head = b"Message-ID: <a@example.org>\r\n\r\n"
    prefix = b"7 (RFC822.SIZE 19189 " + SECTION % len(head)
    assert parsed((prefix, head), b' UID 9 INTERNALDATE " 1-Feb-2026 10:00:00 +0000")') == {
        9: Header("<a@example.org>", 19189, datetime(2026, 2, 1, 10, tzinfo=UTC))
    }


def test_flag_changes_in_between_are_no_headers() -> None:
    assert parsed(b"3 (FLAGS (\\Seen))", b"4 (UID 8 FLAGS (\\Seen))") == {}


def test_no_answer() -> None:
    assert parsed(None) == {}


def test_date_that_is_none() -> None:
    assert parsed(b'1 (UID 1 RFC822.SIZE 5 INTERNALDATE "yesterday" BODY[HEADER.FIELDS (MESSAGE-ID)] "")') == {
        1: Header(None, 5, None)
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"Message-ID: <a@b>\r\n\r\n", "<a@b>"),
        (b"message-id:<a@b>\r\n", "<a@b>"),
        (b"Message-ID:\r\n <a@b>\r\n\r\n", "<a@b>"),
        (b"Message-ID: <a\r\n b@c>\r\n\r\n", "<a b@c>"),
        (b"Message-ID: <a@b>\r\nMessage-ID: <c@d>\r\n\r\n", "<a@b>"),
        (b"Message-ID: <\xc3\xa9\x00@b>\r\n\r\n", "<\ufffd\ufffd\ufffd@b>"),
        (b"Message-ID: \r\n\r\n", None),
        (b"\r\n", None),
        (b"", None),
    ],
)
def testfield_value(field: bytes, value: str | None) -> None:
    assert field_value(field) == value


class TestStatus:
    @pytest.mark.parametrize(
        "line",
        [
            b"INBOX (UIDVALIDITY 7 UIDNEXT 5)",
            b'"INBOX" (UIDNEXT 5 UIDVALIDITY 7)',
            b"Inbox (uidvalidity 7 uidnext 5) ",
        ],
    )
    def test_spellings(self, line: bytes) -> None:
        assert parse_status([line], b"INBOX") == {b"UIDVALIDITY": 7, b"UIDNEXT": 5}

    def test_quoted_and_literal_names(self) -> None:
        expected = {b"UIDVALIDITY": 7}
        assert parse_status([b'"a \\"b\\" (c)" (UIDVALIDITY 7)'], b'a "b" (c)') == expected
        assert parse_status([(b"{3}", b'"\\('), b" (UIDVALIDITY 7)"], b"anything") == expected

    def test_the_folder_that_was_asked_for_is_chosen(self) -> None:
        other, asked = b'"Other" (UIDVALIDITY 1 UIDNEXT 2)', b'"Asked" (UIDVALIDITY 7 UIDNEXT 5)'
        for data in ([other, asked], [asked, other]):
            assert parse_status(data, b"Asked")[b"UIDVALIDITY"] == 7
