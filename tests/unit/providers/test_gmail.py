"""The pure parts of reading Gmail: the streamed raw field, what errors mean."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base import AuthFailed, Gone, Permanent, ProviderError, RateLimited, Transient
from providers.gmail.cursor import Cursor
from providers.gmail.errors import BadRequest, WatchedElsewhere, classify
from providers.gmail.raw import RawMessage
from providers.web import retry_after


def answer(raw: str, *, indent: int | None = None, first: bool = False) -> bytes:
    fields = {"id": "18f0", "labelIds": ["INBOX"], "internalDate": "1"}
    document = {"raw": raw, **fields} if first else {**fields, "raw": raw}
    return json.dumps(document, indent=indent).encode()


def read(chunks: list[bytes]) -> RawMessage:
    reader = RawMessage()
    for chunk in chunks:
        reader.feed(chunk)
    reader.fields()
    return reader


@given(
    st.binary(max_size=2000), st.integers(1, 97), st.sampled_from(["", "=", "\\u003d"]), st.booleans(), st.booleans()
)
def test_the_raw_field_is_decoded_however_it_is_cut_padded_and_placed(
    message: bytes, cut: int, padding: str, indented: bool, first: bool
) -> None:
    encoded = base64.urlsafe_b64encode(message).decode()
    body = answer(encoded.rstrip("="), indent=2 if indented else None, first=first)
    pad = padding * (len(encoded) - len(encoded.rstrip("=")))
    # With its quotes: "aw" is also the end of the field's own name.
    body = body.replace(f'"{encoded.rstrip("=")}"'.encode(), f'"{encoded.rstrip("=")}{pad}"'.encode(), 1)
    reader = RawMessage()
    decoded = b"".join(reader.feed(body[i : i + cut]) for i in range(0, len(body), cut))
    assert decoded == message
    assert reader.fields()["labelIds"] == ["INBOX"]


@pytest.mark.parametrize(
    "body",
    [
        answer("aGVsbG8")[:-30],
        answer("a*b+").replace(b"a*b+", b"a*b*"),
        answer("aGV\\u0041"),
        b"<html>a proxy's page</html>",
        b"[]",
    ],
)
def test_an_answer_that_is_no_whole_message_is_tried_again(body: bytes) -> None:
    with pytest.raises(Transient):
        read([body])


def test_an_endless_answer_without_a_message_is_given_up() -> None:
    with pytest.raises(Transient):
        read([b" " * 65_536] * 100)


def body(reason: str, message: str = "") -> dict[str, object]:
    return {"error": {"code": 0, "message": message, "errors": [{"reason": reason}]}}


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (401, "authError", AuthFailed),
        (403, "rateLimitExceeded", RateLimited),
        (403, "userRateLimitExceeded", RateLimited),
        (403, "dailyLimitExceeded", RateLimited),
        (403, "insufficientPermissions", AuthFailed),
        (403, "domainPolicy", AuthFailed),
        (403, "accessNotConfigured", AuthFailed),
        (400, "failedPrecondition", AuthFailed),
        (400, "invalidArgument", BadRequest),
        (404, "notFound", Gone),
        (408, "", Transient),
        (429, "rateLimitExceeded", RateLimited),
        (500, "backendError", Transient),
        (503, "", Transient),
        (413, "", Permanent),
    ],
)
def test_an_error_is_what_the_status_and_the_reason_say(
    status: int, reason: str, expected: type[ProviderError]
) -> None:
    assert type(classify(status, {}, body(reason))) is expected


def test_an_answer_that_is_no_error_document_is_classified_by_its_status() -> None:
    for nonsense in (None, [], {"error": "text"}, {"error": {"errors": ["text"]}}):
        assert type(classify(503, {}, nonsense)) is Transient


def test_gmail_says_when_to_come_back_in_a_header_or_in_its_text() -> None:
    soon = datetime.now(UTC) + timedelta(minutes=2)
    text = f"User-rate limit exceeded.  Retry after {soon.strftime('%Y-%m-%dT%H:%M:%S')}.196Z"
    told = classify(429, {}, body("rateLimitExceeded", text))
    assert isinstance(told, RateLimited)
    assert told.until is not None
    assert abs(told.until - soon) < timedelta(seconds=2)
    header = classify(503, {"Retry-After": "120"}, None)
    assert isinstance(header, RateLimited)
    assert header.until is not None
    assert header.until > datetime.now(UTC) + timedelta(seconds=110)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120), ("0.5", 0), ("Thu, 01 Jan 2099 00:00:00 GMT", 86_400), ("Thu, 01 Jan 2015 00:00:00 GMT", 0)],
)
def test_retry_after_is_seconds_or_a_date_and_never_absurd(value: str, seconds: int) -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    until = retry_after(value, now)
    assert until is not None
    assert abs(until - now - timedelta(seconds=seconds)) <= timedelta(seconds=1)


@pytest.mark.parametrize("value", [None, "", "soon", "-5", "9" * 400])
def test_a_retry_after_that_says_nothing_is_none_or_bounded(value: str | None) -> None:
    now = datetime.now(UTC)
    until = retry_after(value, now)
    assert until is None or until <= now + timedelta(days=1)


def test_the_error_of_another_watch_is_known_by_its_text_whatever_its_reason() -> None:
    text = "Only one user push notification client allowed per developer (call /stop then try again)"
    for reason in ("badRequest", "failedPrecondition"):
        assert type(classify(400, {}, body(reason, text))) is WatchedElsewhere
    assert type(classify(400, {}, body("badRequest", "Invalid topicName"))) is BadRequest


def test_a_cursor_that_is_rewound_loses_nothing_that_was_still_to_be_listed() -> None:
    day = datetime(2026, 11, 1, tzinfo=UTC)
    wanted = int(day.timestamp())
    half = Cursor(history_id=5, listing_since=1000, page="3")
    assert half.rewound(day) == Cursor(history_id=5, listing_since=1000)
    ended = Cursor(history_id=5, caught_up_at=wanted + 10 * 86_400, page="3")
    assert ended.rewound(day) == Cursor(history_id=5, listing_since=wanted, caught_up_at=ended.caught_up_at)
    lagging = Cursor(history_id=5, caught_up_at=wanted)
    assert lagging.rewound(day).listing_since == wanted - 86_400


def test_error_texts_hold_nothing_of_the_servers_text() -> None:
    error = classify(403, {}, body("domainPolicy", "alice@example.com may not ya29.secret"))
    assert "alice" not in str(error)
    assert "ya29" not in str(error)
