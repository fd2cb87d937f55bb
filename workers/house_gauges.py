"""Keeps the gauges of `domain.metrics` that stand for the whole house at what Postgres says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import cache
from typing import TypeVar

import structlog
from prometheus_client import REGISTRY, Gauge

from domain import metrics
from storage import house_metrics
from storage.database import TRANSIENT, Database

L = TypeVar("L", bound=tuple[str, ...])

log = structlog.get_logger("metrics")

# Seconds between two looks; a scrape itself asks Postgres nothing.
EVERY = 15.0


async def keep_counting(db: Database) -> None:
    """For as long as this process lives. While Postgres is away the gauges keep their values, and their time."""
    while True:
        try:
            show(await house_metrics.count(db))
        except TRANSIENT as error:
            log.warning("figures could not be read", error=type(error).__name__)
        await asyncio.sleep(EVERY)


def show(figures: house_metrics.Figures) -> None:
    _set(metrics.MAILBOXES, figures.mailboxes)
    _set(metrics.MAILBOX_LAG, _named(figures.lags))
    _set(metrics.WATCH_EXPIRY, {(provider,): seconds for provider, seconds in figures.watch_expiry.items()})
    _set(metrics.OPEN_MESSAGES, {(state,): n for state, n in figures.open_messages.items()})
    _set(metrics.OLDEST_MESSAGE, {(state,): age for state, age in figures.oldest_message.items()})
    _set(metrics.OPEN_TASKS, figures.open_tasks)
    _set(metrics.OLDEST_TASK, {(kind,): age for kind, age in figures.oldest_task.items()})
    _set(metrics.OPEN_CIRCUITS, {(scope,): n for scope, n in figures.open_circuits.items()})
    metrics.TOKEN_EXPIRY.set(float("inf") if figures.token_expiry is None else figures.token_expiry)
    metrics.OWED_ANSWERS.set(figures.owed_answers)
    metrics.OWED_HINTS.set(figures.owed_hints)
    _set(metrics.CANARY_SECONDS, {(provider,): seconds for provider, seconds in figures.canary.items()})
    metrics.MISSING.set(figures.missing)
    metrics.FAILED_CHECKS.set(figures.failed_checks)
    metrics.OWED_EVENTS.set(figures.owed_events)
    metrics.OLDEST_OWED_EVENT.set(figures.oldest_owed_event)
    metrics.DEAD_EVENTS.set(figures.dead_events)
    metrics.COUNTED_AT.set(time.time())
    _appear()


@cache
def _appear() -> None:
    """From the first count on they are among the metrics of this process."""
    REGISTRY.register(metrics.HOUSE)


def _named(lags: dict[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """One figure a mailbox, or the worst of each provider when they are too many to be told apart."""
    if len(lags) <= metrics.MAILBOXES_NAMED:
        return lags
    worst: dict[tuple[str, str], float] = {}
    for (provider, _), lag in lags.items():
        worst[provider, ""] = max(worst.get((provider, ""), 0.0), lag)
    return worst


def _set(gauge: Gauge, values: Mapping[L, float]) -> None:
    """Exactly these series: one whose cause is gone must not go on standing there."""
    gauge.clear()
    for labels, value in values.items():
        gauge.labels(*labels).set(value)
