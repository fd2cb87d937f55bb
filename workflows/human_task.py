"""Waiting for a person, inside a workflow: ask, remind, escalate, and in the end act without an answer."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from domain.inbound import InboundEmail
from domain.task import Advance, AskPerson, Ignored, OpenTask, Settle, TaskResolution
from workflows.steps import ADVANCE_TASK, NOTE_IGNORED, OPEN_TASK, SETTLE_TASK

# Answers kept at a time, for whoever floods a workflow with signals.
_MOST = 100


class HumanTasks:
    """The questions of one message, one after the other. `offer` takes what the signal brings."""

    def __init__(self, email: InboundEmail) -> None:
        self._email = email
        self._asked = 0
        self._open: OpenTask | None = None
        # People see a task as soon as its row is committed, which is before this workflow hears of it.
        self._opening = False
        self._early: list[TaskResolution] = []
        self._answer: TaskResolution | None = None
        self._ignored: list[TaskResolution] = []

    def offer(self, resolution: TaskResolution) -> None:
        """Accepts the first valid answer to the open question; anything else is recorded and ignored."""
        if self._opening and len(self._early) < _MOST:
            self._early.append(resolution)
            return
        task = self._open
        valid = (
            task is not None
            and self._answer is None
            and resolution.task_id in (None, task.task_id)
            and resolution.choice in task.options
        )
        if valid:
            self._answer = resolution
        elif len(self._ignored) < _MOST:
            self._ignored.append(resolution)

    async def ask(self, *, failed_step: str = "", failure: str = "") -> tuple[OpenTask, TaskResolution]:
        """Opens the task and returns the answer that won, be it a person's or the deadline's."""
        self._asked += 1
        request = AskPerson(
            email=self._email,
            workflow_id=workflow.info().workflow_id,
            number=self._asked,
            failed_step=failed_step,
            failure=failure,
        )
        self._opening = True
        task = self._open = await OPEN_TASK(request, f"question {self._asked}")
        self._opening = False
        while self._early:
            self.offer(self._early.pop(0))
        workflow.set_current_details(f"Waiting for a person: **{task.kind}**. [Open the task]({task.url})")
        proposed = task.resolution or await self._wait(task) or TaskResolution(choice=task.default, by="deadline")
        # Postgres knows the winner: the console may have settled it a moment before this answer, or this deadline.
        settled = await SETTLE_TASK(
            Settle(email=self._email, task_id=task.task_id, resolution=proposed), f"answered by {proposed.by}"
        )
        self._open = self._answer = None
        workflow.set_current_details("")
        return task, settled

    async def note_ignored(self) -> None:
        """Records the answers that came too late or did not fit."""
        while self._ignored:
            await NOTE_IGNORED(Ignored(email=self._email, resolution=self._ignored.pop(0)))

    async def _wait(self, task: OpenTask) -> TaskResolution | None:
        if await self._answered_within(task.remind_after, "until the reminder"):
            return self._answer
        await ADVANCE_TASK(Advance(email=self._email, task_id=task.task_id, stage="reminded"))
        if await self._answered_within(task.escalate_after - task.remind_after, "until the escalation"):
            return self._answer
        await ADVANCE_TASK(Advance(email=self._email, task_id=task.task_id, stage="escalated"))
        await self._answered_within(task.default_after - task.escalate_after, "until the default applies")
        return self._answer

    async def _answered_within(self, duration: timedelta, summary: str) -> bool:
        until = workflow.now() + duration
        while self._answer is None:
            left = until - workflow.now()
            if left <= timedelta(0):
                return False
            try:
                await workflow.wait_condition(
                    lambda: self._answer is not None or bool(self._ignored), timeout=left, timeout_summary=summary
                )
            except TimeoutError:
                return False
            await self.note_ignored()
        return True
