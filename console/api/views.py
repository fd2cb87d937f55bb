"""Rows of the database as the API's models."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from console.api import models
from console.bodies import safe_html
from console.services import Services


def attachment(row: Any) -> models.Attachment:
    return models.Attachment(
        id=row["attachment_id"],
        filename=row["filename"],
        content_type=row["content_type"],
        size=row["size"],
        sha256=row["sha256"],
        content_id=row["content_id"],
        inline=row["inline"],
        state=row["state"],
        reason=row["reason"],
        scanned_at=row["scanned_at"],
        url=attachment_url(row["attachment_id"]),
    )


def attachment_url(attachment_id: UUID) -> str:
    return f"/api/v1/attachments/{attachment_id}"


async def html(unsafe: str, manifest: list[Any]) -> str:
    """A mail's HTML, sanitised, its inline images by the addresses of their attachments."""
    by_content_id = {part["content_id"]: attachment_url(part["attachment_id"]) for part in manifest}
    return (await safe_html(unsafe, by_content_id.get)).html if unsafe else ""


async def comment(row: Any, manifest: list[Any]) -> models.Comment:
    return models.Comment(
        id=row["comment_id"],
        author=models.Author(name=row["author_name"], address=row["author_address"]),
        text=row["text"],
        html=await html(row["html"], manifest),
        internal=row["internal"],
        created_at=row["created_at"],
        email_id=row["email_id"],
        attachments=[attachment(part) for part in manifest],
    )


def ticket(row: Any, comments: list[models.Comment], services: Services) -> models.Ticket:
    return models.Ticket(
        id=row["ticket_id"],
        number=row["number"],
        subject=row["subject"],
        status=row["status"],
        queue=row["queue"],
        priority=row["priority"],
        client=models.Client(id=row["client_id"], name=row["client_name"]) if row["client_id"] else None,
        contact=models.Contact(id=row["contact_id"], name=row["contact_name"], address=row["contact_address"])
        if row["contact_id"]
        else None,
        assignee=models.Assignee(id=row["assignee_id"], name=row["assignee_name"]) if row["assignee_id"] else None,
        tags=row["tags"],
        mailbox_id=row["mailbox_id"],
        mailbox=row["mailbox"],
        merged_into=row["merged_into"],
        reply_address=services.reply_address(row["tenant_id"], row["number"], row["mailbox"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        comment_count=row["comment_count"],
        comments=comments,
    )


def email(row: Any) -> models.Email:
    record = row["decision"]
    return models.Email(
        id=row["email_id"],
        # A key in angle brackets was derived from where the message lies; it has no Message-ID of its own.
        message_id=None if row["message_key"].startswith("<") else row["message_key"],
        mailbox_id=row["mailbox_id"],
        mailbox=row["mailbox"],
        locator=row["locator"],
        state=row["state"],
        outcome=row["outcome"],
        reason=row["reason"],
        flags=row["flags"],
        ticket_id=row["ticket_id"],
        ticket_number=row["ticket_number"],
        comment_id=row["comment_id"],
        waits_for=row["waits_for"],
        subject=row["subject"],
        sender=models.Sender.model_validate(row["sender"]) if row["sender"] else None,
        size=row["raw_size"],
        workflow_id=row["workflow_id"],
        received_at=row["received_at"],
        listed_at=row["listed_at"],
        done_at=row["done_at"],
        decision=models.DecisionRecord.model_validate({**record, "decided_at": row["decided_at"]}) if record else None,
        timeline=[models.TimelineStep.model_validate(step) for step in row["timeline"]],
    )


def task(row: Any) -> models.Task:
    resolution = row["resolution"] or {}
    return models.Task(
        id=row["task_id"],
        kind=row["kind"],
        question=row["question"],
        options=row["options"],
        candidates=row["candidates"],
        assignee=models.Assignee(id=row["assignee_id"], name=row["assignee_name"]) if row["assignee_id"] else None,
        default=row["default_option"],
        state=row["state"],
        stage=row["stage"],
        deadline=row["deadline"],
        email_id=row["email_id"],
        mailbox_id=row["mailbox_id"],
        workflow_id=row["workflow_id"],
        waiting=row["waiting"],
        created_at=row["created_at"],
        resolved_by=row["resolved_by"],
        resolved_at=row["resolved_at"],
        choice=resolution.get("choice"),
        remember=resolution.get("remember", False),
    )
