"""Human tasks: open, advance, settle."""

from __future__ import annotations

from temporalio import activity

from activities.services import Services
from domain.deciding import Decision
from domain.task import Advance, AskPerson, Ignored, OpenTask, Option, Question, Settle, TaskResolution
from storage import tasks


class HumanTaskActivities:
    def __init__(self, services: Services) -> None:
        self._services = services

    @activity.defn
    async def open_task(self, request: AskPerson) -> OpenTask:
        email = request.email
        async with self._services.db.tenant(email.tenant_id) as session:
            if request.failed_step:
                question = _repair(request.failed_step, request.failure)
            else:
                record = await session.fetchval(
                    "select record from decisions where tenant_id = $1 and email_id = $2",
                    email.tenant_id,
                    email.email_id,
                )
                decided = Decision.model_validate(record).question
                if decided is None:
                    raise LookupError("the decision asks nothing")
                question = decided
            task = await tasks.open_for_email(
                session, email.tenant_id, email.email_id, request.workflow_id, question, request.number
            )
        return task.model_copy(update={"url": f"{self._services.public_url}/tasks/{task.task_id}"})

    @activity.defn
    async def settle_task(self, request: Settle) -> TaskResolution:
        """The answer that won, which may be another one than was proposed."""
        async with self._services.db.tenant(request.email.tenant_id) as session:
            settled = await tasks.settle(
                session, request.email.tenant_id, request.task_id, request.resolution, delivered=True
            )
        return settled.resolution.nameless()

    @activity.defn
    async def advance_task(self, request: Advance) -> None:
        async with self._services.db.tenant(request.email.tenant_id) as session:
            await tasks.advance(session, request.email.tenant_id, request.task_id, request.stage)

    @activity.defn
    async def note_ignored_answer(self, request: Ignored) -> None:
        async with self._services.db.tenant(request.email.tenant_id) as session:
            about = f"email/{request.email.email_id}"
            await tasks.note_ignored(session, request.email.tenant_id, about, request.resolution)


def _repair(step: str, failure: str) -> Question:
    return Question(
        kind="repair_message",
        text=f"The step {step} keeps failing for this message ({failure}). Retry once the cause is mended, or discard.",
        options=[Option(id="retry", label="Retry"), Option(id="discard", label="Discard the message")],
        default="retry",
    )
