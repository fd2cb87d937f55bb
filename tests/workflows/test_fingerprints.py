"""A change that open runs would notice is made on purpose, or not at all."""

from __future__ import annotations

import pytest

from tests.workflows.fingerprints import BASELINES, command_sequences, step_table, text

STEPS = """workflows/steps.py is not what it was. Runs that are open now go on with the new time-outs, queues and
retry policies from their next step on. Before you accept it, think about: runs that wait in a retry of the old policy;
a queue that no running worker polls; an activity name that old workers do not know while both releases run.
Then: python -m tests.workflows.fingerprints"""

COMMANDS = """A workflow's commands, or their order, changed. A run that is open now replays its history against the
new code and stops at the first difference. Before you accept it: put the change behind `workflow.patched("…")`, or make
sure that no such run can be open (a new workflow name); then add a recorded history for the new way
(tests/replay/record.py). Then: python -m tests.workflows.fingerprints"""


@pytest.mark.parametrize(
    ("file", "fingerprint", "advice"),
    [("steps.json", step_table, STEPS), ("commands.json", command_sequences, COMMANDS)],
    ids=["time-outs and retries", "command sequences"],
)
def test_it_is_what_open_runs_began_with(file: str, fingerprint: object, advice: str) -> None:
    assert callable(fingerprint)
    assert text(fingerprint()) == (BASELINES / file).read_text("utf-8"), advice


def test_a_sequence_names_steps_awaits_and_commands_in_the_order_of_the_source() -> None:
    assert command_sequences()["workflows.inbound_email._ask_person"] == [
        "upsert_search_attributes",
        "await ask",
        "upsert_search_attributes",
    ]
    assert command_sequences()["workflows.listener.run"][0] == "for > try > LISTEN"
