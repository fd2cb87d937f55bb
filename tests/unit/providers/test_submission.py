"""Sending by SMTP, against a real SMTP server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from providers.base import AuthFailed, Permanent, ProviderError, Transient
from providers.submission import SmtpSender, SubmissionSettings

ADDRESS, PASSWORD = "help@example.org", "right"


class Box:
    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], bytes]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 OK"


def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=isinstance(data, LoginPassword) and data.password == PASSWORD.encode(), handled=False)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[tuple[Box, int]]:
    box = Box()
    listening = await asyncio.get_running_loop().create_server(
        lambda: SMTP(box, authenticator=authenticate, auth_require_tls=False), "127.0.0.1", 0
    )
    yield box, listening.sockets[0].getsockname()[1]
    listening.close()


def sender(port: int, *, security: Any = "plaintext", password: str = PASSWORD, private: bool = True) -> SmtpSender:
    settings = SubmissionSettings(host="127.0.0.1", port=port, security=security)
    return SmtpSender(settings, ADDRESS, ADDRESS, password, allow_private=private)


async def test_a_mail_is_sent_to_oneself(server: tuple[Box, int]) -> None:
    box, port = server
    await sender(port).send(b"Subject: x\r\n\r\ntext\r\n")
    assert box.mails == [(ADDRESS, [ADDRESS], b"Subject: x\r\n\r\ntext\r\n")]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"password": "wrong"}, AuthFailed),
        ({"security": "starttls"}, Permanent),
        ({"security": "tls"}, Transient),
        ({"private": False}, Permanent),
    ],
)
async def test_what_does_not_hold_sends_nothing(
    server: tuple[Box, int], how: dict[str, Any], expected: type[ProviderError]
) -> None:
    box, port = server
    with pytest.raises(expected):
        await sender(port, **how).send(b"Subject: x\r\n\r\ntext\r\n")
    assert box.mails == []
