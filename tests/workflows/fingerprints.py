"""What open runs depend on and replay does not see, or sees only where a recorded run came by, as text.

`python -m tests.workflows.fingerprints` writes both baselines anew.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workflows import (
    event_delivery,
    human_task,
    inbound_email,
    listener,
    mailbox,
    mailbox_job,
    retention,
    steps,
    upkeep,
)

BASELINES = Path(__file__).parents[1] / "replay"
MODULES = (inbound_email, human_task, mailbox, listener, mailbox_job, upkeep, event_delivery, retention)

# What puts a command into the history without being awaited.
_COMMANDS = {"upsert_search_attributes", "continue_as_new", "patched", "deprecate_patch"}
_BLOCKS = (ast.If, ast.While, ast.For, ast.Try, ast.ExceptHandler)


def step_table() -> dict[str, dict[str, Any]]:
    """Every step: the activity's name, its queue, time-outs in seconds and retry policy."""
    return {
        name: {
            "activity": step.name,
            "local": isinstance(step, steps.LocalStep),
            "result": step.result.__name__,
            "start_to_close": step.timeout.total_seconds(),
            "queue": getattr(step, "queue", None),
            "heartbeat": heartbeat.total_seconds() if (heartbeat := getattr(step, "heartbeat", None)) else None,
            "first_retry": step.retry.initial_interval.total_seconds(),
            "backoff": step.retry.backoff_coefficient,
            "longest_retry": step.retry.maximum_interval.total_seconds() if step.retry.maximum_interval else None,
            "attempts": step.retry.maximum_attempts,
            "not_retried": list(step.retry.non_retryable_error_types or ()),
        }
        for name, step in sorted(vars(steps).items())
        if isinstance(step, steps.Step | steps.LocalStep)
    }


def command_sequences() -> dict[str, list[str]]:
    """Every function of the workflows: its commands in the order of the source, with the blocks they stand in."""
    return {
        f"{module.__name__}.{function.name}": sequence
        for module in MODULES
        for function in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        if (sequence := list(_commands(function, "")))
    }


def _commands(node: ast.AST, block: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        inside = f"{block}{type(child).__name__.lower()} > " if isinstance(child, _BLOCKS) else block
        # Arguments run before the call itself, so they come first.
        yield from _commands(child, inside)
        if name := _command(child):
            yield block + name


def _command(node: ast.AST) -> str | None:
    """A step, whatever is awaited, and the calls that put a command into the history without being awaited."""
    name = _name(node)
    if name in step_table():
        return name
    if isinstance(node, ast.Await) and isinstance(node.value, ast.Call):
        awaited = _name(node.value.func)
        return None if awaited in step_table() else f"await {awaited}"
    if isinstance(node, ast.Call) and _name(node.func) in _COMMANDS:
        return _name(node.func)
    return None


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def text(fingerprint: object) -> str:
    return json.dumps(fingerprint, indent=1, sort_keys=True) + "\n"


def main() -> None:
    (BASELINES / "steps.json").write_text(text(step_table()), "utf-8")
    (BASELINES / "commands.json").write_text(text(command_sequences()), "utf-8")


if __name__ == "__main__":
    main()
