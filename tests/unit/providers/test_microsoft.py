"""The pure parts of reading Microsoft 365: what errors mean, and where the token may go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from providers.base import AuthFailed, Gone, Permanent, ProviderError, RateLimited, Transient
from providers.microsoft import auth
from providers.microsoft.client import GraphClient
from providers.microsoft.cursor import Cursor, FolderCursor
from providers.microsoft.errors import Conflict, SyncStateLost, classify
from providers.web import new_session


def body(code: str, message: str = "") -> dict[str, object]:
    return {"error": {"code": code, "message": message}}


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "InvalidAuthenticationToken", AuthFailed),
        (403, "ErrorAccessDenied", AuthFailed),
        (403, "ErrorItemNotFound", Gone),
        (404, "ErrorItemNotFound", Gone),
        (404, "ResourceNotFound", Gone),
        (404, "MailboxNotEnabledForRESTAPI", AuthFailed),
        (404, "ErrorInvalidUser", AuthFailed),
        (409, "Conflict", Conflict),
        (410, "", SyncStateLost),
        (404, "SyncStateNotFound", SyncStateLost),
        (400, "syncStateInvalid", SyncStateLost),
        (400, "ResyncRequired", SyncStateLost),
        (400, "ValidationError", Permanent),
        (429, "ApplicationThrottled", RateLimited),
        (408, "", Transient),
        (500, "", Transient),
        (503, "", Transient),
    ],
)
def test_an_error_is_what_the_status_and_the_code_say(status: int, code: str, expected: type[ProviderError]) -> None:
    assert type(classify(status, {}, body(code))) is expected


@pytest.mark.parametrize("status", [429, 503, 504])
def test_graph_says_when_to_come_back(status: int) -> None:
    error = classify(status, {"Retry-After": "17"}, body(""))
    assert isinstance(error, RateLimited)
    assert error.until is not None
    assert timedelta(seconds=15) < error.until - datetime.now(UTC) <= timedelta(seconds=17)


def test_a_handshake_that_failed_is_tried_again() -> None:
    for text in ("Subscription validation request timed out.", "Subscription validation request failed."):
        assert type(classify(400, {}, body("ValidationError", text))) is Transient


def test_a_cursor_that_is_rewound_loses_nothing_that_was_still_to_be_listed() -> None:
    day = datetime(2026, 11, 1, tzinfo=UTC)
    wanted = int(day.timestamp())
    half = FolderCursor(link="next", since=1000, shown=200)
    ended = FolderCursor(link="delta", since=1000, caught_up_at=2000, rest="page", rest_since=1500)
    rewound = Cursor(folders={"half": half, "ended": ended}).rewound(day).folders
    assert rewound["half"] == half.model_copy(update={"rest_since": wanted})
    assert rewound["ended"] == ended.model_copy(update={"rest": None, "rest_since": 1500})


def test_error_texts_hold_nothing_of_the_servers_text() -> None:
    assert "alice" not in str(classify(403, {}, body("alice@example.com", "alice@example.com")))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"error": "invalid_client", "error_codes": [7000222]}, "expired"),
        ({"error": "invalid_client", "error_codes": [7000215]}, "wrong"),
        ({"error": "invalid_grant", "error_codes": [50173]}, "connect the mailbox again"),
        ({"error": "invalid_grant", "error_codes": [1]}, "connect the mailbox again"),
        ({"error": "invalid_grant", "error_codes": "50173"}, "connect the mailbox again"),
        ({"error": "new_error", "error_description": "alice@example.com"}, "refused the credentials"),
    ],
)
def test_the_token_servers_codes_become_advice(answer: dict[str, object], expected: str) -> None:
    text = auth.explain(answer)
    assert expected in text
    assert "alice" not in text


class Watched:
    """A token source that remembers whether anybody asked."""

    asked = 0

    async def token(self, refused: str | None = None) -> str:
        self.asked += 1
        return "token"

    @asynccontextmanager
    async def request(self, units: int = 0) -> AsyncIterator[None]:
        yield


@pytest.mark.parametrize(
    "link",
    [
        "https://graph.microsoft.com.evil.example/v1.0/x",
        "https://graph.microsoft.com:444/v1.0/x",
        "http://graph.microsoft.com/v1.0/x",
        "https://user@graph.microsoft.com/v1.0/x",
        "https://evil.example/?https://graph.microsoft.com/",
        "//graph.microsoft.com/v1.0/x",
        "/v1.0/x",
        "file:///etc/passwd",
        "",
    ],
)
async def test_a_link_that_leads_elsewhere_is_not_followed_and_sees_no_token(link: str) -> None:
    watched = Watched()
    async with new_session() as http:
        client = GraphClient(http, "https://graph.microsoft.com", watched, watched)
        with pytest.raises(Permanent, match="another host"):
            await client.call("GET", link)
    assert watched.asked == 0
