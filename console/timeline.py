"""What happened to a message, step by step, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from console import formatting
from console.strings import STRINGS, text


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a timeline; `after` is the time since the step before, None on the first. `tone` is for the eye."""

    at: datetime
    label: str
    after: timedelta | None
    tone: str


def steps(email: Any, tasks: Sequence[Any]) -> list[Step]:
    """The timeline of a ledger row, with the answers to its questions in their places."""
    entries = [
        (datetime.fromisoformat(step["at"]), _label(step, email), _tone(step["step"])) for step in email["timeline"]
    ]
    for task in tasks:
        if task["resolved_at"] is not None:
            label = text("step.answered", who=task["resolved_by"], answer=answer_label(task))
            entries.append((task["resolved_at"], label, "person"))
    if email["received_at"] < entries[0][0]:
        entries.append((email["received_at"], text("step.received"), ""))
    entries.sort(key=lambda entry: entry[0])
    made = []
    before: datetime | None = None
    for at, label, tone in entries:
        made.append(Step(at, label, at - before if before else None, tone))
        before = at
    return made


def became(email: Any) -> str:
    """What became of a message, in one sentence."""
    if email["outcome"] is not None:
        return text(f"became.{email['outcome']}", reason=formatting.words(email["reason"], "reason"))
    if email["waits_for"] is not None:
        return text("became.parent")
    return text(f"became.{email['state']}")


def answer_label(task: Any) -> str:
    """The label of the option that won."""
    choice = task["resolution"]["choice"]
    return str(next((option["label"] for option in task["options"] if option["id"] == choice), choice))


def _label(step: dict[str, Any], email: Any) -> str:
    key = f"step.{step['step']}"
    if key not in STRINGS:
        return str(step["step"])
    kind, verdict = step.get("kind"), step.get("verdict")
    return text(
        key,
        mailbox=email["mailbox"],
        number=email["ticket_number"],
        size=formatting.size(step.get("size")),
        reason=formatting.words(step.get("reason") or "", "reason"),
        kind=text(f"kind.{kind}") if kind else "",
        verdict=text(f"verdict.{verdict}") if verdict else "",
    )


def _tone(step: str) -> str:
    if step.startswith("waiting"):
        return "person"
    return "end" if step in ("ticket", "comment", "duplicate", "excluded", "discarded", "gone") else ""
