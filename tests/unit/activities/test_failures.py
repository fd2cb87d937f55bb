"""What Temporal is told of a failure: its class, whether to try again, and never a word of what it quoted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from temporalio.exceptions import ApplicationErrorCategory
from temporalio.service import RPCError, RPCStatusCode

from activities.failures import UNFORESEEN_ATTEMPTS, classify
from providers.base import AuthFailed, Permanent, ProviderError, RateLimited

QUOTED = "alice@example.com wrote: the password is correct horse"

TRANSIENT = [
    ConnectionRefusedError(QUOTED),
    TimeoutError(QUOTED),
    OSError(28, QUOTED),
    asyncpg.CannotConnectNowError(QUOTED),
    asyncpg.ConnectionDoesNotExistError(QUOTED),
    asyncpg.SerializationError(QUOTED),
    asyncpg.DeadlockDetectedError(QUOTED),
    asyncpg.TooManyConnectionsError(QUOTED),
    asyncpg.AdminShutdownError(QUOTED),
    RPCError(QUOTED, RPCStatusCode.UNAVAILABLE, b""),
    ProviderError(QUOTED),
]
UNFORESEEN = [
    ValueError(QUOTED),
    KeyError(QUOTED),
    FileNotFoundError(2, QUOTED),
    asyncpg.UniqueViolationError(QUOTED),
    asyncpg.UndefinedTableError(QUOTED),
]


def name(error: Exception) -> str:
    return type(error).__name__


@pytest.mark.parametrize("error", TRANSIENT, ids=name)
def test_what_waiting_mends_is_retried_for_as_long_as_it_takes_and_alarms_nobody(error: Exception) -> None:
    failure = classify(error, attempt=100_000)
    assert not failure.non_retryable
    assert failure.category == ApplicationErrorCategory.BENIGN


@pytest.mark.parametrize("error", UNFORESEEN, ids=name)
def test_what_nobody_foresaw_is_tried_a_while_and_then_a_person_is_asked(error: Exception) -> None:
    assert not classify(error, attempt=1).non_retryable
    assert not classify(error, attempt=UNFORESEEN_ATTEMPTS - 1).non_retryable
    assert classify(error, attempt=UNFORESEEN_ATTEMPTS).non_retryable


def test_what_the_source_refuses_for_good_is_not_tried_again() -> None:
    assert classify(Permanent(QUOTED), attempt=1).non_retryable


def test_refused_credentials_are_tried_on_until_somebody_mends_them() -> None:
    assert not classify(AuthFailed(QUOTED), attempt=100_000).non_retryable


@pytest.mark.parametrize("seconds", [30, 3600])
def test_a_throttled_step_waits_as_long_as_the_source_says(seconds: int) -> None:
    failure = classify(RateLimited(QUOTED, until=datetime.now(UTC) + timedelta(seconds=seconds)), attempt=1)
    assert failure.next_retry_delay is not None
    assert seconds - 5 < failure.next_retry_delay.total_seconds() <= seconds


def test_a_time_that_has_passed_is_no_negative_wait() -> None:
    failure = classify(RateLimited(QUOTED, until=datetime.now(UTC) - timedelta(hours=1)), attempt=1)
    assert failure.next_retry_delay == timedelta(0)


@pytest.mark.parametrize(
    "error", [*TRANSIENT, *UNFORESEEN, Permanent(QUOTED), AuthFailed(QUOTED), RateLimited(QUOTED)], ids=name
)
def test_the_text_quotes_nothing(error: Exception) -> None:
    failure = classify(error, attempt=1)
    assert failure.type == name(error)
    assert "alice" not in str(failure)
    assert failure.__cause__ is None
    assert list(failure.details) == []
