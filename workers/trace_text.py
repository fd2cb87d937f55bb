"""`postroom trace` in words: what became of a message, step by step, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from console import timeline
from storage import task_views

if TYPE_CHECKING:
    from storage.database import Session


async def describe(session: Session, tenant_id: UUID, email: Any, public_url: str) -> str:
    """The same that the console's trace page shows, of one row of `storage.trace`."""
    tasks = await task_views.of_email(session, tenant_id, email["email_id"])
    lines = [
        f"{email['message_key']} in {email['mailbox']} ({email['provider']})",
        _outcome(email),
        "",
        *(_step(step) for step in timeline.steps(email, tasks)),
    ]
    if email["decision"]:
        lines += ["", "Why:"]
        lines += [f"  {line['looked_at']}: {line['result']}" for line in email["decision"]["evidence"]]
    if email["flags"]:
        lines += ["", f"Flags: {', '.join(email['flags'])}"]
    lines += ["", f"Workflow: {email['workflow_id']}", f"Page: {public_url}/emails/{email['email_id']}"]
    return "\n".join(lines)


def _outcome(email: Any) -> str:
    became = timeline.became(email)
    if email["ticket_number"] is None:
        return became.replace(":", ".") if became.endswith(":") else became
    # Where the page shows a link.
    return f"{became} #{email['ticket_number']} {email['ticket_subject']}"


def _step(step: timeline.Step) -> str:
    after = f"+{step.after.total_seconds():.3f} s" if step.after is not None else ""
    return f"  {step.at:%Y-%m-%d %H:%M:%S}  {after:>12}  {step.label}"
