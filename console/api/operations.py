"""Every operation of the API in one place: what it answers, what it takes, and the scope it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from console.api import deciding, deciding_models, event_models, events, handlers, models, tickets
from console.api.paging import PageQuery
from console.calls import ApiHandler
from storage.api_tokens import Scope


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path below `/api/v1`. `response` None stands for bytes.

    `audit` is the action that it writes to the audit log, in the transaction of what it changes: without one, the
    operation changes nothing. `max_body` is in bytes.
    """

    method: str
    path: str
    scope: Scope
    handler: ApiHandler
    summary: str
    response: Any
    query: type[PageQuery] | None = None
    body: type[BaseModel] | None = None
    errors: tuple[int, ...] = ()
    audit: str = ""
    max_body: int = 64 * 1024

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
        audit="resolve_task",
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
    Operation(
        "POST",
        "/tickets/{id}/outbound",
        "write",
        deciding.prepare_outbound,
        "Headers for a mail about this ticket, so that its answers thread",
        deciding_models.Outbound,
        body=deciding_models.OutboundRequest,
        errors=(422,),
        audit="outbound",
    ),
    Operation(
        "POST",
        "/comments/{id}/split",
        "write",
        tickets.split_comment,
        "Moves a comment that came by mail to a ticket of its own",
        deciding_models.Split,
        errors=(409,),
        audit="split_comment",
    ),
    Operation(
        "POST",
        "/comments/{id}/move",
        "write",
        tickets.move_comment,
        "Moves a comment that came by mail to another ticket",
        deciding_models.Split,
        body=deciding_models.MoveRequest,
        errors=(409, 422),
        audit="move_comment",
    ),
    Operation(
        "POST",
        "/tickets/{id}/merge",
        "write",
        tickets.merge_ticket,
        "Merges a ticket into another one",
        deciding_models.Merged,
        body=deciding_models.MergeRequest,
        errors=(409, 422),
        audit="merge",
    ),
    Operation(
        "POST",
        "/tickets/{id}/undo-merge",
        "write",
        tickets.undo_merge,
        "Gives a merged ticket back what it had",
        deciding_models.MergeUndone,
        errors=(409,),
        audit="undo_merge",
    ),
    Operation(
        "GET",
        "/tickets/{id}/watchers",
        "read",
        tickets.list_watchers,
        "Who watches a ticket, and who is proposed to",
        models.Page[deciding_models.Watcher],
    ),
    Operation(
        "PUT",
        "/tickets/{id}/watchers",
        "write",
        tickets.decide_watcher,
        "Accepts, dismisses or proposes a watcher",
        models.Page[deciding_models.Watcher],
        body=deciding_models.WatcherDecision,
        errors=(422,),
        audit="set_watcher",
    ),
    Operation(
        "POST",
        "/explain",
        "read",
        deciding.explain,
        "What would become of a mail; changes nothing",
        deciding_models.Explanation,
        body=deciding_models.ExplainRequest,
        errors=(404, 422),
        max_body=16 << 20,
    ),
    Operation("GET", "/rules", "read", deciding.get_rules, "The rules in force", deciding_models.Rules),
    Operation(
        "PUT",
        "/rules",
        "write",
        deciding.put_rules,
        "Puts a new version of the rules in force",
        deciding_models.Rules,
        body=deciding_models.RulesUpdate,
        errors=(409, 422),
        audit="save_rules",
        max_body=2 << 20,
    ),
    Operation("GET", "/policy", "read", deciding.get_policy, "The tenant's policy", deciding_models.TenantPolicyBody),
    Operation(
        "PUT",
        "/policy",
        "write",
        deciding.put_policy,
        "Sets the tenant's policy",
        deciding_models.TenantPolicyBody,
        body=deciding_models.TenantPolicyBody,
        errors=(422,),
        audit="set_policy",
    ),
    Operation(
        "GET",
        "/mailboxes/{id}/policy",
        "read",
        deciding.get_mailbox_policy,
        "A mailbox's policy",
        deciding_models.MailboxPolicyBody,
    ),
    Operation(
        "PUT",
        "/mailboxes/{id}/policy",
        "write",
        deciding.put_mailbox_policy,
        "Sets a mailbox's policy",
        deciding_models.MailboxPolicyBody,
        body=deciding_models.MailboxPolicyBody,
        errors=(422,),
        audit="set_policy",
    ),
    Operation(
        "GET",
        "/circuits",
        "read",
        deciding.list_circuits,
        "Mail storms that the loop governor stopped, newest first",
        models.Page[deciding_models.Circuit],
    ),
    Operation(
        "POST",
        "/circuits/{id}/reset",
        "write",
        deciding.reset_circuit,
        "Closes a circuit; its counts begin anew",
        models.Page[deciding_models.Circuit],
        errors=(409,),
        audit="reset_circuit",
    ),
    Operation(
        "GET",
        "/associations",
        "read",
        deciding.list_associations,
        "What answers taught about senders",
        models.Page[deciding_models.Association],
    ),
    Operation(
        "POST",
        "/associations/revoke",
        "write",
        deciding.revoke_association,
        "Forgets what was learned about an address or a domain",
        models.Page[deciding_models.Association],
        body=deciding_models.AssociationRef,
        errors=(404, 422),
        audit="revoke_association",
    ),
    Operation(
        "GET",
        "/events",
        "read",
        events.list_events,
        "What happened, oldest first; `next` always says where to go on",
        models.Page[event_models.Event],
        query=event_models.EventQuery,
    ),
    Operation(
        "GET",
        "/event-endpoints",
        "read",
        events.list_event_endpoints,
        "Where events are sent",
        models.Page[event_models.EventEndpoint],
        query=PageQuery,
    ),
    Operation(
        "POST",
        "/event-endpoints",
        "write",
        events.add_event_endpoint,
        "Sends events to an address from now on; its secret is shown once",
        event_models.NewEventEndpoint,
        body=event_models.EventEndpointRequest,
        errors=(422,),
        audit="add_event_endpoint",
    ),
    Operation(
        "PUT",
        "/event-endpoints/{id}/state",
        "write",
        events.set_event_endpoint_state,
        "Pauses an endpoint, or lets it go on; what happens meanwhile stays owed",
        event_models.EventEndpoint,
        body=event_models.EventEndpointState,
        errors=(422,),
        audit="set_event_endpoint_state",
    ),
    Operation(
        "DELETE",
        "/event-endpoints/{id}",
        "write",
        events.remove_event_endpoint,
        "Sends nothing there any more, and forgets what was owed",
        event_models.EventEndpoint,
        audit="remove_event_endpoint",
    ),
    Operation(
        "GET",
        "/event-endpoints/{id}/dead-letters",
        "read",
        events.list_dead_letters,
        "Events that were given up after ten attempts",
        models.Page[event_models.DeadLetter],
        query=PageQuery,
    ),
    Operation(
        "POST",
        "/event-endpoints/{id}/retry",
        "write",
        events.retry_dead_letters,
        "Sends dead letters again: one, or all",
        event_models.EventsRetried,
        body=event_models.EventRetry,
        errors=(422,),
        audit="retry_events",
    ),
)
