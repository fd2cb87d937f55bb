"""Gauges for the whole house: few series however many mailboxes, and none that outlives its cause."""

from __future__ import annotations

import subprocess
import sys

from prometheus_client import REGISTRY

from domain.metrics import HOUSE, MAILBOXES_NAMED
from storage.house_metrics import Figures
from workers.house_gauges import show


def series(name: str) -> dict[str, float]:
    (family,) = (f for f in REGISTRY.collect() if f.name == name)
    return {"/".join(sample.labels.values()): sample.value for sample in family.samples}


def test_mailboxes_are_told_apart_while_they_are_few() -> None:
    show(Figures(lags={("imap", "a"): 1.0, ("imap", "b"): 7.0}))
    assert series("postroom_mailbox_lag_seconds") == {"imap/a": 1.0, "imap/b": 7.0}


def test_many_mailboxes_are_one_figure_a_provider_the_worst() -> None:
    many = {("imap", str(n)): float(n) for n in range(MAILBOXES_NAMED + 1)}
    show(Figures(lags={**many, ("gmail", "x"): 2.0}))
    assert series("postroom_mailbox_lag_seconds") == {"imap/": float(MAILBOXES_NAMED), "gmail/": 2.0}


def test_what_no_longer_waits_is_no_longer_shown() -> None:
    show(Figures(oldest_task={"choose_ticket": 5.0}))
    show(Figures())
    assert series("postroom_oldest_open_task_seconds") == {}


def test_a_process_that_counted_nothing_shows_no_figure_of_the_house() -> None:
    code = """
import workers.listener, workers.web, workers.webhooks, workers.worker
from prometheus_client import REGISTRY
print(*(family.name for family in REGISTRY.collect()))
"""
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "postroom_messages" in shown
    assert not {family.name for family in HOUSE.collect()} & set(shown)
