"""One message from its ledger row to its outcome. Deterministic; references only."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from domain.deciding import Decide
    from domain.inbound import Committed, Conclude, InboundEmail, ParentWait
    from domain.task import Answered, OpenTask, TaskResolution
    from workflows import names, steps
    from workflows.human_task import HumanTasks

In = TypeVar("In")
Out = TypeVar("Out")

# Above this a parse may take long enough to be worth its own activity; in bytes.
SMALL_MESSAGE = 256 * 1024
_COMMITS = {"create": steps.CREATE_TICKET, "append": steps.APPEND_COMMENT}
_OUTCOME = SearchAttributeKey.for_keyword("Outcome")
_WAIT_REASON = SearchAttributeKey.for_keyword("WaitReason")
_TICKET_NO = SearchAttributeKey.for_keyword("TicketNo")


class _Discarded(Exception):
    """A person discarded a message that a step could not process."""


@workflow.defn(name=names.INBOUND_EMAIL)
class InboundEmailWorkflow:
    @workflow.init
    def __init__(self, email: InboundEmail) -> None:
        self._email = email
        self._tasks = HumanTasks(email)
        self._answers: tuple[Answered, ...] = ()
        self._waited: tuple[UUID, ...] = ()
        self._decided_parents: set[UUID] = set()

    @workflow.run
    async def run(self, email: InboundEmail) -> Committed:
        """Returns the outcome as it stands in the ledger."""
        try:
            committed = await self._process()
        except _Discarded:
            committed = await steps.CONCLUDE(Conclude(email=email, outcome="discarded", reason="repair_message"))
        await self._tasks.note_ignored()
        outcome = [_OUTCOME.value_set(committed.outcome or "")]
        if committed.ticket_no is not None:
            outcome.append(_TICKET_NO.value_set(str(committed.ticket_no)))
        workflow.upsert_search_attributes(outcome)
        return committed

    @workflow.signal(name=names.RESOLVE_TASK)
    def resolve_task(self, resolution: TaskResolution) -> None:
        self._tasks.offer(resolution)

    @workflow.signal(name=names.PARENT_DONE)
    def parent_done(self, email_id: UUID) -> None:
        self._decided_parents.add(email_id)

    async def _process(self) -> Committed:
        size = self._email.size
        if not self._email.stored:
            fetched = await self._repaired(steps.FETCH, self._email, "source → object store")
            if fetched.gone:
                return await steps.CONCLUDE(Conclude(email=self._email, outcome="gone", reason="gone_at_source"))
            size = fetched.size
        parse = steps.PARSE_SMALL if size <= SMALL_MESSAGE else steps.PARSE
        parsed = await self._repaired(parse, self._email, f"{size:,} bytes")
        committed = await self._decide()
        if parsed.attachments and committed.outcome in ("ticket", "comment"):
            await self._repaired(steps.STORE_ATTACHMENTS, self._email, f"{parsed.attachments} attachments")
        return committed

    async def _decide(self) -> Committed:
        """Decides until it can be committed: questions get answers, parents finish, other mails come first."""
        while True:
            request = Decide(email=self._email, answers=self._answers, waited=self._waited)
            decided = await self._repaired(steps.FIND_THREAD, request)
            if decided.wait is not None:
                await self._wait_for(decided.wait)
            elif decided.action == "ask":
                task, resolution = await self._ask_person()
                self._answers += (Answered(kind=task.kind, resolution=resolution),)
            else:
                commit = _COMMITS.get(decided.action, steps.RECORD_OUTCOME)
                committed = await self._repaired(commit, self._email, decided.action)
                if not committed.stale:
                    return committed

    async def _wait_for(self, parent: ParentWait) -> None:
        workflow.set_current_details("Waiting for the mail that this one answers to be decided.")
        try:
            await workflow.wait_condition(
                lambda: parent.email_id in self._decided_parents,
                timeout=parent.patience,
                timeout_summary="until it is decided without its parent",
            )
        except TimeoutError:
            self._waited += (parent.email_id,)
        workflow.set_current_details("")

    async def _ask_person(self, *, failed_step: str = "", failure: str = "") -> tuple[OpenTask, TaskResolution]:
        reason = failed_step or "decision"
        workflow.upsert_search_attributes([_WAIT_REASON.value_set(f"human:{reason}")])
        answer = await self._tasks.ask(failed_step=failed_step, failure=failure)
        workflow.upsert_search_attributes([_WAIT_REASON.value_unset()])
        return answer

    async def _repaired(
        self, step: steps.Step[In, Out] | steps.LocalStep[In, Out], argument: In, summary: str = ""
    ) -> Out:
        """Runs a step; when it fails for good, a person decides whether to try again or to discard the message."""
        while True:
            try:
                return await step(argument, summary)
            except (ActivityError, ApplicationError) as error:
                if is_cancelled_exception(error):
                    raise
                # The failure of a local activity comes as it is, that of a regular one wrapped.
                cause = error.cause if isinstance(error, ActivityError) else error
                failure = cause.type if isinstance(cause, ApplicationError) and cause.type else "failed"
                _, resolution = await self._ask_person(failed_step=step.name, failure=failure)
                if resolution.choice == "discard":
                    raise _Discarded from None
