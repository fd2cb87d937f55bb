"""Human tasks in Postgres: opened by a workflow, settled here first, so that exactly one answer wins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.address import canonical, organisation_domain
from domain.email import ParsedEmail
from domain.identity import derived_id
from domain.task import SOMEBODY, Answered, OpenTask, Question, TaskResolution
from storage import audit, policies, rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.database import Session


class TooLate(Exception):
    """The answer has gone on its way, or was never this person's: it cannot be taken back. Nothing was changed."""


class InvalidChoice(Exception):
    """The answer is none of the task's options; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Who answered, and what; `won` when it was this call that settled the task."""

    won: bool
    resolution: TaskResolution
    workflow_id: str


async def open_for_email(
    session: Session, tenant_id: UUID, email_id: UUID, workflow_id: str, question: Question, number: int
) -> OpenTask:
    """Opens the email's `number`th task; a repeated call finds it, answered or not."""
    deadlines = (await policies.tenant(session, tenant_id)).deadlines_of(question.kind)
    task_id = derived_id(email_id, f"task/{number}")
    kind = await session.fetchval("select kind from tasks where tenant_id = $1 and task_id = $2", tenant_id, task_id)
    if kind not in (None, question.kind):
        # A run that was started anew asks something else first than the one before it did.
        task_id = derived_id(email_id, f"task/{number}/{question.kind}")
    await session.execute(
        """with task as (
             insert into tasks (tenant_id, task_id, kind, email_id, mailbox_id, workflow_id, question, options,
                                candidates, default_option, deadline)
             select $1, $2, $3, $4, mailbox_id, $5, $6, $7, $8, $9, $10 from emails
              where tenant_id = $1 and email_id = $4
             on conflict do nothing returning 1)
           update emails set state = 'waiting',
                  timeline = timeline || step('waiting for a person', jsonb_build_object('kind', $3::text))
            where tenant_id = $1 and email_id = $4 and exists (select from task)""",
        tenant_id,
        task_id,
        question.kind,
        email_id,
        workflow_id,
        question.text,
        [option.model_dump() for option in question.options],
        [candidate.model_dump() for candidate in question.candidates],
        question.default,
        datetime.now(UTC) + deadlines.default,
    )
    resolution = await session.fetchval(
        "select resolution from tasks where tenant_id = $1 and task_id = $2", tenant_id, task_id
    )
    return OpenTask(
        task_id=task_id,
        resolution=TaskResolution.model_validate(resolution).nameless() if resolution else None,
        kind=question.kind,
        options=tuple(option.id for option in question.options),
        default=question.default,
        remind_after=deadlines.remind,
        escalate_after=deadlines.escalate,
        default_after=deadlines.default,
    )


async def settle(
    session: Session,
    tenant_id: UUID,
    task_id: UUID,
    resolution: TaskResolution,
    *,
    delivered: bool,
    hold: timedelta = timedelta(0),
) -> Settled:
    """Settles the task if nobody did; otherwise tells who won. `delivered`: the workflow already knows.

    For as long as `hold` the answer stands, but is not yet owed to the workflow: whoever gave it may take it back.

    Raises LookupError for an unknown task, InvalidChoice when the choice is none of its options.
    """
    task = await session.fetchrow(
        "select * from tasks where tenant_id = $1 and task_id = $2 for update", tenant_id, task_id
    )
    if task is None:
        raise LookupError(f"no task {task_id}")
    resolution = resolution.model_copy(update={"task_id": task_id})
    if task["state"] != "open":
        if delivered:
            await _release(session, tenant_id, task)
            await mark_delivered(session, tenant_id, task_id)
        return Settled(False, TaskResolution.model_validate(task["resolution"]), task["workflow_id"])
    if resolution.choice not in {option["id"] for option in task["options"]}:
        raise InvalidChoice(f"choose one of: {', '.join(option['id'] for option in task['options'])}")
    await session.execute(
        """update tasks set state = $3, resolution = $4, resolved_by = $5, resolved_at = now(),
                  delivered_at = case when $6 then now() end,
                  held_until = case when $7 > interval '0' then clock_timestamp() + $7 end
            where tenant_id = $1 and task_id = $2""",
        tenant_id,
        task_id,
        "defaulted" if resolution.by == "deadline" else "resolved",
        resolution.model_dump(mode="json"),
        resolution.by,
        delivered,
        hold,
    )
    await session.execute(
        "insert into audit (tenant_id, actor, action, object, detail) values ($1, $2, 'resolve_task', $3, $4)",
        tenant_id,
        resolution.by,
        f"task/{task_id}",
        {"choice": resolution.choice, "remember": resolution.remember},
    )
    if resolution.remember and not hold:
        await _remember(session, tenant_id, task, resolution)
    return Settled(True, resolution, task["workflow_id"])


async def was_asked(session: Session, tenant_id: UUID, email_id: UUID) -> bool:
    """Whether any question about this message was ever put to a person."""
    found: bool = await session.fetchval(
        "select exists (select from tasks where tenant_id = $1 and email_id = $2)", tenant_id, email_id
    )
    return found


async def take_back(session: Session, tenant_id: UUID, task_id: UUID, *, actor: str) -> None:
    """Opens a task again whose answer by `actor` is still held. Raises LookupError, TooLate."""
    task = await session.fetchrow(
        "select resolution from tasks where tenant_id = $1 and task_id = $2 for update", tenant_id, task_id
    )
    if task is None:
        raise LookupError(f"no task {task_id}")
    # The clock, not the transaction's beginning: `owed` compares with the same clock under the same row lock.
    taken = await session.fetchval(
        """update tasks set state = 'open', resolution = null, resolved_by = null, resolved_at = null, held_until = null
            where tenant_id = $1 and task_id = $2 and state = 'resolved' and delivered_at is null
              and held_until > clock_timestamp() and resolved_by = $3 returning true""",
        tenant_id,
        task_id,
        actor,
    )
    if not taken:
        raise TooLate
    await audit.record(
        session, tenant_id, actor, "take_back_answer", f"task/{task_id}", {"choice": task["resolution"]["choice"]}
    )


async def assign(session: Session, tenant_id: UUID, task_id: UUID, assignee_id: UUID | None, *, actor: str) -> None:
    """Puts an open task into somebody's hands, or back. Raises LookupError for an unknown task, and for somebody who is
    no user or may not sign in."""
    found = await session.fetchrow(
        """select k.task_id, k.assignee_id, u.user_id from tasks k
             left join users u on u.tenant_id = $1 and u.user_id = $3 and u.active
            where k.tenant_id = $1 and k.task_id = $2 for update of k""",
        tenant_id,
        task_id,
        assignee_id,
    )
    if found is None or (assignee_id is not None and found["user_id"] is None):
        raise LookupError(f"no task {task_id}, or no user {assignee_id}")
    await session.execute(
        "update tasks set assignee_id = $3 where tenant_id = $1 and task_id = $2", tenant_id, task_id, assignee_id
    )
    before, after = (str(value) if value else None for value in (found["assignee_id"], assignee_id))
    changed = {"changed": {"assignee": [before, after]}}
    await audit.record(session, tenant_id, actor, "assign_task", f"task/{task_id}", changed)


async def _release(session: Session, tenant_id: UUID, task: Any) -> None:
    """A held answer goes on its way: it can no longer be taken back, and now it is remembered."""
    if task["held_until"] is None:
        return
    await session.execute(
        "update tasks set held_until = null where tenant_id = $1 and task_id = $2", tenant_id, task["task_id"]
    )
    resolution = TaskResolution.model_validate(task["resolution"])
    if resolution.remember:
        await _remember(session, tenant_id, task, resolution)


async def mark_delivered(session: Session, tenant_id: UUID, task_id: UUID) -> None:
    await session.execute(
        """update tasks set delivered_at = now()
            where tenant_id = $1 and task_id = $2 and delivered_at is null and state <> 'open'""",
        tenant_id,
        task_id,
    )


async def owed(session: Session, tenant_id: UUID, task_id: UUID) -> tuple[str, TaskResolution] | None:
    """The workflow and the answer that still has to be signalled to it, from now on for good; None while it is held."""
    row = await session.fetchrow(
        """select * from tasks
            where tenant_id = $1 and task_id = $2 and state = 'resolved' and delivered_at is null
              and (held_until is null or held_until <= clock_timestamp()) for update""",
        tenant_id,
        task_id,
    )
    if row is None:
        return None
    await _release(session, tenant_id, row)
    return row["workflow_id"], TaskResolution.model_validate(row["resolution"]).nameless()


async def named(session: Session, tenant_id: UUID, answers: Sequence[Answered]) -> list[Answered]:
    """The answers with the names of those who gave them."""
    return [
        answer.model_copy(update={"resolution": await _named(session, tenant_id, answer.resolution)})
        for answer in answers
    ]


async def _named(session: Session, tenant_id: UUID, resolution: TaskResolution) -> TaskResolution:
    if resolution.by != SOMEBODY or resolution.task_id is None:
        return resolution
    name = await session.fetchval(
        "select resolved_by from tasks where tenant_id = $1 and task_id = $2", tenant_id, resolution.task_id
    )
    return resolution.model_copy(update={"by": name or SOMEBODY})


async def advance(session: Session, tenant_id: UUID, task_id: UUID, stage: str) -> None:
    """Marks an open task `reminded` or `escalated`."""
    await session.execute(
        "update tasks set stage = $3 where tenant_id = $1 and task_id = $2 and state = 'open'",
        tenant_id,
        task_id,
        stage,
    )


async def note_ignored(session: Session, tenant_id: UUID, about: str, resolution: TaskResolution) -> None:
    """An answer that the waiting workflow could not take: recorded, so that whoever sent it can find out why."""
    resolution = await _named(session, tenant_id, resolution)
    await session.execute(
        "insert into audit (tenant_id, actor, action, object, detail) values ($1, $2, 'answer_ignored', $3, $4)",
        tenant_id,
        resolution.by,
        about,
        {"choice": resolution.choice, "task_id": str(resolution.task_id) if resolution.task_id else None},
    )


async def _remember(session: Session, tenant_id: UUID, task: Any, resolution: TaskResolution) -> None:
    """Turns the answer into an association: this address, or a domain that only an organisation has, is that client.
    A discarded mail becomes a rule that skips its sender."""
    client_id = await _client_of(session, tenant_id, resolution.choice)
    parsed = await session.fetchval(
        "select parsed from email_contents where tenant_id = $1 and email_id = $2", tenant_id, task["email_id"]
    )
    email = ParsedEmail.model_validate(parsed) if parsed else None
    if email is None or not email.from_:
        return
    address = canonical(email.from_[0].address)
    if resolution.choice == "discard":
        await rules.skip_sender(session, tenant_id, address, actor=resolution.by)
    if client_id is None:
        return
    known = await session.fetchval(
        "select true from contacts where tenant_id = $1 and address = $2 limit 1", tenant_id, address
    )
    domain = organisation_domain(address)
    # An address that is a contact of several clients is remembered as itself; its colleagues may be of either.
    kind, value = ("address", address) if known or domain is None else ("domain", domain)
    await session.execute(
        """insert into sender_associations (tenant_id, kind, value, client_id, learned_by) values ($1, $2, $3, $4, $5)
           on conflict (tenant_id, kind, value) do update
             set client_id = excluded.client_id, learned_by = excluded.learned_by, created_at = now()""",
        tenant_id,
        kind,
        value,
        client_id,
        resolution.by,
    )


async def _client_of(session: Session, tenant_id: UUID, choice: str) -> UUID | None:
    """The client an answer points to, directly or as the client of a ticket."""
    what, _, value = choice.partition(":")
    if what == "client" and value != "None":
        return UUID(value)
    if what == "ticket" and value:
        client: UUID | None = await session.fetchval(
            "select client_id from tickets where tenant_id = $1 and ticket_id = $2", tenant_id, UUID(value)
        )
        return client
    return None
