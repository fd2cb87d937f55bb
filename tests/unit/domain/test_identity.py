"""Who a message is: keys, workflow ids and derived ids that never meet by accident, nor by anybody's will."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.identity import (
    MAX_MESSAGE_ID,
    MAX_WORKFLOW_ID,
    content_digest,
    derived_id,
    email_workflow_id,
    header_message_id,
    message_id,
    message_key,
    shard_of,
    sighting,
)

MAILBOX = UUID(int=7)

# Characters a Message-ID may hold, with those that workflow ids are made of drawn often.
TOKENS = st.text(st.sampled_from("~a/@<>-0.") | st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)
LOCATORS = st.text(min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<one@example.com>", "one@example.com"),
        ("one@example.com", "one@example.com"),
        ("  <one@example.com>\t", "one@example.com"),
        ("< one@example.com >", "one@example.com"),
        ("<One@EXAMPLE.Com>", "One@example.com"),
        ("<a@b@Example.com>", "a@b@example.com"),
        ("<no-domain>", "no-domain"),
        ("<~weird~@example.com>", "~weird~@example.com"),
        ("x" * MAX_MESSAGE_ID, "x" * MAX_MESSAGE_ID),
        ("x" * (MAX_MESSAGE_ID + 1), None),
        (None, None),
        ("", None),
        ("<>", None),
        ("   ", None),
        ("<one@example.com> <two@example.com>", None),
        ("<one two@example.com>", None),
        ("<one\n two@example.com>", None),
        ("<one\x00@example.com>", None),
        ("<\u00fcber@example.com>", None),
        ("<<one@example.com>>", None),
        ("<one@example.com", None),
        ("one@example.com>", None),
    ],
)
def test_a_message_id_is_one_token_without_brackets(value: str | None, expected: str | None) -> None:
    assert message_id(value) == expected


def test_only_the_domain_of_a_message_id_ignores_case() -> None:
    assert message_id("<One@Example.COM>") == message_id("<One@example.com>")
    assert message_id("<One@example.com>") != message_id("<one@example.com>")


@given(TOKENS)
def test_reading_a_message_id_again_changes_nothing(token: str) -> None:
    once = message_id(token)
    assert once is None or message_id(once) == once


@given(st.text(max_size=40) | TOKENS, LOCATORS)
@example("<locator-" + "0" * 64 + ">", "INBOX/1/1")
@example("<<locator-" + "0" * 64 + ">>", "INBOX/1/1")
def test_no_header_makes_a_key_that_is_derived_from_a_locator(header: str, locator: str) -> None:
    derived = message_key(None, locator)
    assert message_id(header) != derived
    assert message_key(header, "elsewhere") != derived


@given(LOCATORS, LOCATORS)
def test_without_a_message_id_each_locator_is_a_message(one: str, other: str) -> None:
    assert (message_key(None, one) == message_key(None, other)) == (one == other)


# Workflow ids --------------------------------------------------------------------------------------------------


SECOND = st.just("") | LOCATORS.map(sighting)


@given(TOKENS, SECOND, TOKENS, SECOND)
@example("a~", "", "a", "")
@example(f"a~{sighting('x')}", "", "a", sighting("x"))
@example("a~~", "", "a~", "")
@example("a~", sighting("x"), "a", sighting("x"))
@example("a" * 300, "", "a" * 300, sighting("x"))
def test_two_sightings_never_share_a_workflow_id(key: str, second: str, other_key: str, other_second: str) -> None:
    one, other = email_workflow_id(MAILBOX, key, second), email_workflow_id(MAILBOX, other_key, other_second)
    assert (one == other) == ((key, second) == (other_key, other_second))


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=MAX_MESSAGE_ID), SECOND)
@example("~" * MAX_MESSAGE_ID, sighting("x"))
def test_a_workflow_id_fits_temporals_column(key: str, second: str) -> None:
    assert len(email_workflow_id(MAILBOX, key, second)) <= MAX_WORKFLOW_ID


def test_a_workflow_id_names_mailbox_and_message_id() -> None:
    assert email_workflow_id(MAILBOX, "one@example.com") == f"inbound-email/{MAILBOX}/one@example.com"


def test_the_same_message_in_two_mailboxes_has_two_workflows() -> None:
    assert email_workflow_id(uuid4(), "one@example.com") != email_workflow_id(uuid4(), "one@example.com")


# The header of raw bytes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Message-ID: <one@example.com>\r\n\r\nbody", "<one@example.com>"),
        (b"From: a@example.com\nmessage-id:<one@example.com>\n\nbody", "<one@example.com>"),
        (b"Message-ID:\r\n <one@example.com>\r\n\r\n", "<one@example.com>"),
        (b"Subject: x\r\n Message-ID: <folded@example.com>\r\n\r\n", None),
        (b"Subject: x\r\n\r\nMessage-ID: <body@example.com>\r\n", None),
        (b"X-Message-ID: <other@example.com>\r\n\r\n", None),
        (b"Message-ID: <first@example.com>\r\nMessage-ID: <second@example.com>\r\n\r\n", "<first@example.com>"),
        (b"Message-ID: <\xff@example.com>\r\n\r\n", "<\ufffd@example.com>"),
        (b"", None),
    ],
)
def test_the_message_id_of_raw_bytes_is_that_of_the_header(raw: bytes, expected: str | None) -> None:
    assert header_message_id(raw) == expected


# The same content ----------------------------------------------------------------------------------------------

MAIL = b"From: alice@example.com\r\nSubject: Hello\r\n there\r\nMessage-ID: <one@example.com>\r\n\r\nBody\r\n"


@pytest.mark.parametrize(
    "added",
    [
        b"Received: from a by b\r\n\tfor <c@example.com>\r\n",
        b"Return-Path: <bounce@example.com>\r\n",
        b"Delivered-To: support@example.com\r\n",
        b"X-Spam-Score: 3\r\n",
        b"Authentication-Results: mx.example; spf=pass\r\n",
        b"ARC-Seal: i=1\r\n",
        b"DKIM-Signature: v=1\r\n",
        b"List-Unsubscribe: <mailto:x@example.com>\r\n",
    ],
)
def test_another_delivery_of_a_message_is_the_same_content(added: bytes) -> None:
    assert content_digest(added + MAIL) == content_digest(MAIL)


def test_line_ends_and_a_last_empty_line_are_no_content() -> None:
    assert content_digest(MAIL.replace(b"\r\n", b"\n")) == content_digest(MAIL)
    assert content_digest(MAIL + b"\r\n") == content_digest(MAIL)


@pytest.mark.parametrize(
    "changed",
    [
        MAIL.replace(b"Hello", b"hello"),
        MAIL.replace(b"Body", b"Body!"),
        MAIL.replace(b"alice", b"mallory"),
        b"Cc: bob@example.com\r\n" + MAIL,
        MAIL.replace(b"\r\n\r\nBody", b"\r\nBody"),
    ],
    ids=["subject", "body", "sender", "another recipient", "body made header"],
)
def test_what_an_author_may_have_changed_is_other_content(changed: bytes) -> None:
    assert content_digest(changed) != content_digest(MAIL)


@given(st.binary(max_size=200))
def test_any_bytes_have_a_digest(raw: bytes) -> None:
    assert len(content_digest(raw)) == 64


# Derived ids and shards ----------------------------------------------------------------------------------------


def test_what_is_made_from_an_email_has_the_same_id_on_every_attempt() -> None:
    email_id = uuid4()
    made = [derived_id(email_id, what) for what in ("ticket", "comment", "attachment/0", "attachment/1")]
    assert made == [derived_id(email_id, what) for what in ("ticket", "comment", "attachment/0", "attachment/1")]
    assert len(set(made)) == 4
    assert derived_id(UUID(int=1), "ticket") == UUID("c025686d-588d-559a-94a8-462b62fbda40")


@given(st.uuids(), st.integers(min_value=1, max_value=64))
def test_a_mailbox_has_one_of_the_shards(mailbox_id: UUID, shards: int) -> None:
    assert 0 <= shard_of(mailbox_id, shards) < shards


def test_shards_stay_where_they_are_over_releases() -> None:
    assert [shard_of(UUID(int=n), 8) for n in range(6)] == [7, 0, 1, 7, 7, 5]


def test_mailboxes_spread_over_the_shards() -> None:
    used = [shard_of(uuid4(), 8) for _ in range(400)]
    assert set(used) == set(range(8))
