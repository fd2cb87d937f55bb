"""Every number that postroom itself counts, in one table; docs/metrics.md is held to it by a test.

Labels have few values: never a tenant, a message, an address or anything a sender wrote. The `mailbox` label is empty
above `MAILBOXES_NAMED` mailboxes, where one figure stands for all of a provider.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Above this many mailboxes they are counted together.
MAILBOXES_NAMED: Final = 300

# From a fast machine's ticket to a question that was answered after days.
_TO_OUTCOME = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 14_400, 86_400, 259_200)

LISTED = Counter("postroom_messages_listed_total", "Messages that entered the ledger", ["provider"])
OUTCOMES = Counter(
    "postroom_messages_total", "Messages by outcome; a commit repeated after a crash counts again", ["outcome"]
)
TO_OUTCOME = Histogram(
    "postroom_message_seconds",
    "From arrival to outcome, without backfilled mail; asked: whether a person was asked",
    ["provider", "asked"],
    buckets=_TO_OUTCOME,
)
PARSER_LIMITS = Counter(
    "postroom_parser_limits_total", "Messages that met a limit of the parser, by the limit's problem code", ["limit"]
)
SCANNED_PARTS = Counter(
    "postroom_scanned_parts_total", "Parts of mails by what the virus scanner said of them", ["verdict"]
)
GOOGLE_PUSHES = Counter("postroom_google_pushes_total", "Pub/Sub pushes by what became of them", ["result"])
GOOGLE_PULLS = Counter("postroom_google_pulls_total", "Pub/Sub messages pulled by what became of them", ["result"])
MICROSOFT_ITEMS = Counter("postroom_microsoft_items_total", "Graph notifications by what became of them", ["result"])
RAW_WEBHOOKS = Counter("postroom_raw_webhooks_total", "Raw webhooks by what became of them", ["result"])
SMTP_MESSAGES = Counter("postroom_smtp_messages_total", "Messages over SMTP by what became of them", ["result"])
HTTP_SECONDS = Histogram(
    "postroom_http_request_seconds",
    "Time to answer a request of the console or the API",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)

# What the worker processes read from Postgres (`storage/house_metrics.py`): the same figures in each of them.
# `/metrics` has them once they were counted, and nobody else's: a gauge begins at 0, which an alert takes for a figure.
HOUSE: Final = CollectorRegistry()
_house = partial(Gauge, registry=HOUSE)

MAILBOXES = _house("postroom_mailboxes", "Mailboxes by provider and state", ["provider", "state"])
MAILBOX_LAG = _house(
    "postroom_mailbox_lag_seconds", "Since the last look at the source that succeeded", ["provider", "mailbox"]
)
WATCH_EXPIRY = _house(
    "postroom_watch_expiry_seconds", "Until the first watch or subscription of a source ends", ["provider"]
)
TOKEN_EXPIRY = _house("postroom_api_token_expiry_seconds", "Until the first API token that is still valid ends")
OPEN_MESSAGES = _house("postroom_open_messages", "Messages without an outcome, by their state in the ledger", ["state"])
OLDEST_MESSAGE = _house("postroom_oldest_open_message_seconds", "Age of the oldest of them", ["state"])
OPEN_TASKS = _house("postroom_open_tasks", "Questions that wait for a person, by kind and age", ["kind", "age"])
OLDEST_TASK = _house("postroom_oldest_open_task_seconds", "Age of the oldest open question", ["kind"])
OWED_ANSWERS = _house("postroom_owed_answers", "Answers of people that the waiting workflow has not taken yet")
OWED_HINTS = _house("postroom_owed_hints", "Notifications of sources that no workflow was told of yet")
OPEN_CIRCUITS = _house("postroom_open_circuits", "Circuits of the loop governor that are open", ["scope"])
MISSING = _house(
    "postroom_missing_messages",
    "Messages that the last checks found at the source only, and could not repair",
)
FAILED_CHECKS = _house("postroom_failed_checks", "Mailboxes whose last comparison with their source failed")
CANARY_SECONDS = _house(
    "postroom_canary_seconds", "How long the slowest of the last canary mails took, or waits already", ["provider"]
)
OWED_EVENTS = _house("postroom_owed_events", "Outgoing events that active subscribers have not got yet")
OLDEST_OWED_EVENT = _house("postroom_oldest_owed_event_seconds", "Age of the oldest of them")
DEAD_EVENTS = _house("postroom_dead_events", "Outgoing events that were given up and wait to be sent again")
COUNTED_AT = _house("postroom_counted_timestamp_seconds", "When the figures from Postgres were read, Unix time")
