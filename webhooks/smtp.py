"""The SMTP inbox: 250 to DATA only after the message is durable for every recipient (RFC 5321 section 4.2.5)."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from domain import tracing
from domain.address import canonical, without_tag
from domain.metrics import SMTP_MESSAGES
from storage import mailboxes
from storage.database import Database
from storage.mailboxes import Located
from webhooks.ingress import Ingress

log = structlog.get_logger("smtp")

MAX_CONNECTIONS = 500
MAX_RECIPIENTS = 100
# Seconds a client may stay silent (RFC 5321 section 4.5.3.2.7).
IDLE = 300


class Inbox:
    """aiosmtpd's handler: what to answer to RCPT and DATA."""

    def __init__(self, db: Database, ingress: Ingress) -> None:
        self._db = db
        self._ingress = ingress

    async def handle_RCPT(  # noqa: N802 - aiosmtpd finds it by this name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients, send the rest in another transaction"
        try:
            mailbox = await self._mailbox(address)
        except Exception as error:  # aiosmtpd would answer 500 and the sender would give up
            return _try_again(error)
        if mailbox is None:
            SMTP_MESSAGES.labels("unknown recipient").inc()
            return "550 5.1.1 No such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient accepted"

    async def handle_DATA(  # noqa: N802 - aiosmtpd finds it by this name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        raw = envelope.content
        if not isinstance(raw, bytes):
            return "554 5.6.0 No message"
        try:
            with tracing.span("smtp DATA", kind=tracing.SERVER):
                found = [await self._mailbox(address) for address in envelope.rcpt_tos]
                # Several addresses may lead to one mailbox: it gets the message once.
                recipients = {m.mailbox_id: m for m in found if m is not None}
                accepted = [await self._ingress.accept(mailbox, raw) for mailbox in recipients.values()]
        except Exception as error:
            return _try_again(error)
        SMTP_MESSAGES.labels("accepted" if accepted else "unknown recipient").inc()
        return f"250 2.0.0 Accepted {accepted[0][:16]}" if accepted else "550 5.1.1 No such mailbox here"

    async def _mailbox(self, address: str) -> Located | None:
        exact = await mailboxes.locate_smtp(self._db, canonical(address))
        return exact or await mailboxes.locate_smtp(self._db, without_tag(address)[0])


class _Protocol(SMTP):
    # Longer lines than RFC 5321 allows are wrong but common; what one connection may make us hold is bounded here.
    line_length_limit = 32 << 20
    _connected: ClassVar[set[SMTP]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if len(self._connected) >= MAX_CONNECTIONS and isinstance(transport, asyncio.Transport):
            transport.write(b"421 4.3.2 Too many connections, try again later\r\n")
            transport.close()
        self._connected.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._connected.discard(self)
        super().connection_lost(error)


async def serve(inbox: Inbox, host: str, port: int, *, max_message_bytes: int) -> asyncio.Server:
    """Listens on a port. Raises OSError when it is taken."""
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        return _Protocol(
            inbox,
            hostname="postroom",
            ident="postroom",
            data_size_limit=max_message_bytes,
            enable_SMTPUTF8=True,
            timeout=IDLE,
            loop=loop,
        )

    return await loop.create_server(protocol, host, port, backlog=1024)


def _try_again(error: Exception) -> str:
    SMTP_MESSAGES.labels("try again").inc()
    log.error("a message could not be made durable", error=type(error).__name__)
    return "451 4.3.0 Storage is not reachable, try again later"
