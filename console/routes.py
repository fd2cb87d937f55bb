"""Every page of the console in one place, with the role it needs. What is not declared here does not exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from console.calls import PageHandler, PublicHandler
from console.pages import emails, files, mailboxes, sign_in, static, tasks, tickets
from storage.access import Role


@dataclass(frozen=True, slots=True)
class Public:
    """A page for anybody."""

    method: str
    path: str
    handler: PublicHandler


@dataclass(frozen=True, slots=True)
class Page:
    """A page for people of this role, or of a higher one."""

    method: str
    path: str
    role: Role
    handler: PageHandler


ROUTES: Final[tuple[Public | Page, ...]] = (
    Public("GET", "/static/{name}", static.serve),
    Public("GET", "/login", sign_in.explain),
    Public("GET", "/login/{token}", sign_in.offer),
    Public("POST", "/login/{token}", sign_in.sign_in),
    Page("POST", "/logout", "viewer", sign_in.sign_out),
    Page("GET", "/", "viewer", tasks.inbox),
    Page("GET", "/tasks", "viewer", tasks.inbox),
    Page("GET", "/tasks/{id}", "viewer", tasks.show),
    Page("POST", "/tasks/{id}", "agent", tasks.answer),
    Page("GET", "/tickets", "viewer", tickets.listing),
    Page("GET", "/tickets/{id}", "viewer", tickets.show),
    Page("GET", "/find", "viewer", emails.find),
    Page("GET", "/emails/{id}", "viewer", emails.show),
    Page("GET", "/emails/{id}/html", "viewer", files.html),
    Page("GET", "/emails/{id}/raw", "agent", files.raw),
    Page("GET", "/attachments/{id}", "viewer", files.attachment),
    Page("GET", "/mailboxes", "viewer", mailboxes.listing),
)
