"""What the steps of a message add to the metrics, once their transaction is committed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from temporalio import activity

from domain import metrics
from domain.email import Problem
from domain.inbound import Committed, InboundEmail
from domain.runs import BACKFILL

# Problem codes of `mail.limits`, and of the process that reads when it had to be ended.
_LIMITS = frozenset(
    {
        "mail_too_large",
        "headers_too_large",
        "too_many_parts",
        "too_deep",
        "too_many_addresses",
        "too_many_references",
        "decoded_too_large",
        "body_too_large",
        "parser_timeout",
        "parser_memory",
        "parser_killed",
    }
)


def outcome(email: InboundEmail, committed: Committed, *, asked: bool) -> None:
    metrics.OUTCOMES.labels(committed.outcome or "none").inc()
    # Backfilled mail came long before anybody read it: it says nothing about how quick we are.
    if email.received_at is not None and activity.info().priority.priority_key != BACKFILL:
        seconds = (datetime.now(UTC) - email.received_at).total_seconds()
        metrics.TO_OUTCOME.labels(email.provider, "yes" if asked else "no").observe(max(seconds, 0.0))


def parsed(problems: Iterable[Problem]) -> None:
    for problem in problems:
        if problem.code in _LIMITS:
            metrics.PARSER_LIMITS.labels(problem.code).inc()
