"""Every operation of the API in one place: what it answers, what it takes, and the scope it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from console.api import handlers, models
from console.api.paging import PageQuery
from console.calls import ApiHandler
from storage.access import Scope


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path below `/api/v1`. `response` None stands for bytes."""

    method: str
    path: str
    scope: Scope
    handler: ApiHandler
    summary: str
    response: Any
    query: type[PageQuery] | None = None
    body: type[BaseModel] | None = None
    errors: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        return self.handler.__name__


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/tickets",
        "read",
        handlers.list_tickets,
        "Tickets, newest first",
        models.Page[models.Ticket],
        query=models.TicketQuery,
    ),
    Operation("GET", "/tickets/{id}", "read", handlers.get_ticket, "A ticket by its id or number", models.Ticket),
    Operation(
        "GET",
        "/emails",
        "read",
        handlers.list_emails,
        "Messages, newest first, or those with a Message-ID",
        models.Page[models.Email],
        query=models.EmailQuery,
    ),
    Operation("GET", "/emails/{id}", "read", handlers.get_email, "A message and what became of it", models.Email),
    Operation(
        "GET",
        "/tasks",
        "read",
        handlers.list_tasks,
        "Questions for people, newest first",
        models.Page[models.Task],
        query=models.TaskQuery,
    ),
    Operation("GET", "/tasks/{id}", "read", handlers.get_task, "A question for a person", models.Task),
    Operation(
        "POST",
        "/tasks/{id}/resolution",
        "write",
        handlers.resolve_task,
        "Answers a question; the first answer wins",
        models.Task,
        body=models.Resolution,
        errors=(409, 422),
    ),
    Operation(
        "GET",
        "/mailboxes",
        "read",
        handlers.list_mailboxes,
        "The connected mailboxes",
        models.Page[models.Mailbox],
        query=PageQuery,
    ),
    Operation(
        "GET",
        "/attachments/{id}",
        "read",
        handlers.get_attachment,
        "The bytes of a stored attachment",
        None,
        errors=(409,),
    ),
)
