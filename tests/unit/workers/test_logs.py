"""Log lines: JSON with the ids that belong together, and nothing secret or personal whoever wrote them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider

from domain.identity import short_hash
from workers import logs


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, structlog.get_config())
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    logs.configure("json", "DEBUG")
    yield stream
    root.handlers[:], root.level = before[0], before[1]
    structlog.configure(**before[2])


def only(lines: io.StringIO) -> dict[str, Any]:
    (line,) = lines.getvalue().splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "550 ann.smith+x@mail.example.com refused",
        "Authorization: Bearer abcDEF123.456-789",
        "postgresql://app:hunter2@db.internal/postroom",
        "GET /oauth/callback?code=4%2F0Ab&state=xyz",
        "key whsec_bm90IGEgc2VjcmV0IGF0IGFsbA== of the mailbox",
        "token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "workflow inbound-email/7/CAF+1=2@mail.gmail.example",
    ],
)
@pytest.mark.parametrize("place", ["event", "field", "standard library"])
def test_addresses_and_secrets_are_taken_out_wherever_they_stand(lines: io.StringIO, place: str, text: str) -> None:
    if place == "event":
        structlog.get_logger("test").info(text)
    elif place == "field":
        structlog.get_logger("test").info("something", cause=text)
    else:
        logging.getLogger("some.library").warning("%s", text)
    written = lines.getvalue()
    for secret in ("ann.smith", "abcDEF123", "hunter2", "4%2F0Ab", "bm90IGEg", "c2ln", "CAF+1"):
        assert secret not in written
    assert "redacted" in written or "[address]" in written


@pytest.mark.parametrize("name", ["password", "refresh_token", "client_secret", "subject", "to_address", "filename"])
def test_what_is_named_a_secret_or_content_is_never_shown(lines: io.StringIO, name: str) -> None:
    structlog.get_logger("test").info("something", **{name: "plain words"})
    assert only(lines)[name] == "[redacted]"


def test_an_exception_shows_where_and_what_but_not_its_text(lines: io.StringIO) -> None:
    try:
        try:
            raise KeyError("Invoice for Ann")
        except KeyError as error:
            raise ValueError("hunter2") from error
    except ValueError:
        logging.getLogger("test").exception("it failed")
    exception = only(lines)["exception"]
    assert "KeyError" in exception
    assert exception.endswith("ValueError")
    assert "test_logs.py" in exception
    # The line of the source is shown, as in any traceback; the texts come from this one.
    assert "KeyError: " not in exception
    assert "ValueError: " not in exception


def test_a_line_within_a_span_names_its_trace(lines: io.StringIO) -> None:
    with TracerProvider(shutdown_on_exit=False).get_tracer("test").start_as_current_span("work") as span:
        structlog.get_logger("test").info("something")
    found = only(lines)
    assert found["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert found["span_id"] == f"{span.get_span_context().span_id:016x}"


def test_a_line_of_an_activity_names_run_mailbox_and_the_messages_digest(lines: io.StringIO) -> None:
    mailbox = "0198c1d2-0000-7000-8000-000000000001"
    info = {
        "workflow_id": f"inbound-email/{mailbox}/m1@example.com",
        "workflow_run_id": "run-1",
        "workflow_type": "InboundEmailWorkflow",
        "activity_type": "create_ticket",
        "attempt": 2,
        "activity_id": "5",
    }
    logging.getLogger("test").warning("activity failed", extra={"temporal_activity": info})
    found = only(lines)
    assert {name: found[name] for name in ("run_id", "workflow", "activity", "attempt", "mailbox", "message_hash")} == {
        "run_id": "run-1",
        "workflow": "InboundEmailWorkflow",
        "activity": "create_ticket",
        "attempt": 2,
        "mailbox": mailbox,
        "message_hash": short_hash("m1@example.com"),
    }
    assert "m1@example.com" not in lines.getvalue()


def test_text_for_people_is_redacted_too(lines: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("text", "INFO")
    structlog.get_logger("test").info("refused", cause="ann@example.com")
    written = capsys.readouterr().err
    assert "cause=[address]" in written
    assert "{" not in written
