"""Every page of the console in one place, with the role it needs. What is not declared here does not exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from console.calls import PageHandler, PublicHandler
from console.pages import emails, events, files, mailboxes, sign_in, static, tasks, tickets
from storage.access import Role


@dataclass(frozen=True, slots=True)
class Public:
    """A page for anybody. `audit` as with `Page`."""

    method: str
    path: str
    handler: PublicHandler
    audit: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page for people of this role, or of a higher one.

    `audit` is the action that it writes to the audit log, in the transaction of what it changes: without one, the
    route changes nothing. `api` names the operation of the API that does the same.
    """

    method: str
    path: str
    role: Role
    handler: PageHandler
    audit: str = ""
    api: str = ""


ROUTES: Final[tuple[Public | Page, ...]] = (
    Public("GET", "/static/{name}", static.serve),
    Public("GET", "/login", sign_in.explain),
    Public("GET", "/login/{token}", sign_in.offer),
    Public("POST", "/login/{token}", sign_in.sign_in, audit="sign_in"),
    Page("POST", "/logout", "viewer", sign_in.sign_out, audit="sign_out"),
    Page("GET", "/", "viewer", tasks.inbox),
    Page("GET", "/tasks", "viewer", tasks.inbox),
    Page("GET", "/tasks/{id}", "viewer", tasks.show),
    Page("POST", "/tasks/{id}", "agent", tasks.answer, audit="resolve_task", api="resolve_task"),
    Page("GET", "/tickets", "viewer", tickets.listing),
    Page("GET", "/tickets/{id}", "viewer", tickets.show),
    Page("GET", "/find", "viewer", emails.find),
    Page("GET", "/emails/{id}", "viewer", emails.show),
    Page("GET", "/emails/{id}/html", "viewer", files.html),
    Page("GET", "/emails/{id}/raw", "agent", files.raw, audit="read_raw_mail"),
    Page("GET", "/attachments/{id}", "viewer", files.attachment),
    Page("GET", "/mailboxes", "viewer", mailboxes.listing),
    Page("GET", "/event-endpoints", "admin", events.listing),
    Page("POST", "/event-endpoints", "admin", events.add, audit="add_event_endpoint", api="add_event_endpoint"),
    Page("GET", "/event-endpoints/{id}", "admin", events.show),
    Page(
        "POST",
        "/event-endpoints/{id}/state",
        "admin",
        events.set_state,
        audit="set_event_endpoint_state",
        api="set_event_endpoint_state",
    ),
    Page(
        "POST",
        "/event-endpoints/{id}/remove",
        "admin",
        events.remove,
        audit="remove_event_endpoint",
        api="remove_event_endpoint",
    ),
    Page("POST", "/event-endpoints/{id}/retry", "admin", events.retry, audit="retry_events", api="retry_dead_letters"),
)
