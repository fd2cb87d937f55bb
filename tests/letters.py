"""Mails for tests, in one line each."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate
from uuid import uuid4


def letter(
    sender: str,
    subject: str = "A question",
    text: str = "Hello, can you help me?",
    *,
    message_id: str | None = None,
    to: str = "support@postroom.test",
    cc: str | None = None,
    in_reply_to: str | None = None,
    references: Sequence[str] = (),
    attachments: Sequence[tuple[str, bytes]] = (),
) -> EmailMessage:
    """Ids without brackets. An attachment is (file name, content)."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = to
    if cc:
        mail["Cc"] = cc
    mail["Subject"] = subject
    mail["Date"] = formatdate(localtime=False)
    mail["Message-ID"] = f"<{message_id or f'{uuid4().hex}@example.com'}>"
    if in_reply_to:
        mail["In-Reply-To"] = f"<{in_reply_to}>"
    if references:
        mail["References"] = " ".join(f"<{reference}>" for reference in references)
    mail.set_content(text)
    for filename, content in attachments:
        mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=filename)
    return mail
