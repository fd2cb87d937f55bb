"""Recorded runs replayed against the code as it is now: what runs that are open today will meet after a deploy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from tests.replay.conftest import Played
from workers.temporal import plugin
from workers.worker import WORKFLOWS
from workflows import steps

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))


def replayer() -> Replayer:
    return Replayer(workflows=WORKFLOWS, plugins=[plugin()])


def recorded(name: str) -> WorkflowHistory:
    text = (Path(__file__).parent / "histories" / f"{name}.json").read_text("utf-8")
    return WorkflowHistory.from_json(name, text)


def test_every_workflow_has_a_recorded_history() -> None:
    types = {
        recorded(file.stem).events[0].workflow_execution_started_event_attributes.workflow_type.name
        for file in HISTORIES
    }
    assert types == {workflow.__name__ for workflow in WORKFLOWS}


@pytest.mark.parametrize("name", [file.stem for file in HISTORIES])
async def test_a_recorded_run_replays(name: str) -> None:
    await replayer().replay_workflow(recorded(name))


async def test_the_runs_of_this_code_replay(played: Played) -> None:
    for history in played.histories.values():
        await replayer().replay_workflow(history)


@pytest.mark.parametrize(
    ("name", "step", "changed"),
    [
        ("new_mail", "CREATE_TICKET", replace(steps.CREATE_TICKET, name="make_ticket")),
        ("new_mail", "FIND_THREAD", steps.Step("find_thread", steps.FIND_THREAD.result, steps.FIND_THREAD.timeout)),
        ("reply_with_attachment", "STORE_ATTACHMENTS", steps.LocalStep("store", type(None), steps.CONCLUDE.timeout)),
        ("mailbox", "CHANGE_MAILBOX", replace(steps.CHANGE_MAILBOX, name="alter_mailbox")),
        ("listener", "LISTEN", replace(steps.LISTEN, name="hear")),
        ("event_delivery", "DELIVER_EVENTS", replace(steps.DELIVER_EVENTS, name="send_events")),
    ],
    ids=["another activity", "local made regular", "regular made local", "mailbox", "listener", "event delivery"],
)
async def test_an_incompatible_change_is_caught(
    monkeypatch: pytest.MonkeyPatch, name: str, step: str, changed: object
) -> None:
    # `workflows.steps` passes through the sandbox: what is changed here is what the workflows call.
    monkeypatch.setattr(steps, step, changed)
    with pytest.raises(NondeterminismError):
        await replayer().replay_workflow(recorded(name))
