"""Mail submission by SMTP (RFC 6409), for the delivery canary of mailboxes that are read over IMAP."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from providers.base import AuthFailed, Permanent, Transient
from providers.imap.network import connect, resolve

TIMEOUT = 30.0


class SubmissionSettings(BaseModel):
    """`security`: "tls" from the first byte (port 465), "starttls" requires the upgrade (587), "plaintext" is for
    private networks."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    host: str = Field(min_length=1, max_length=253)
    port: int = Field(default=465, ge=1, le=65535)
    security: Literal["tls", "starttls", "plaintext"] = "tls"


class SmtpSender:
    """Sends as `address`, logged in as `username` unless that is empty."""

    def __init__(
        self, settings: SubmissionSettings, address: str, username: str, password: str, *, allow_private: bool
    ) -> None:
        self._settings = settings
        self._address = address
        self._login = (username, password)
        self._allow_private = allow_private

    async def send(self, raw: bytes) -> None:
        """Raises a `ProviderError`."""
        await asyncio.to_thread(self._send, raw)

    def _send(self, raw: bytes) -> None:
        settings = self._settings
        try:
            with _Connection(settings, allow_private=self._allow_private) as connection:
                if settings.security == "starttls":
                    connection.starttls(context=ssl.create_default_context())
                if self._login[0]:
                    connection.login(*self._login)
                connection.sendmail(self._address, [self._address], raw)
        except smtplib.SMTPAuthenticationError:
            raise AuthFailed(f"{settings.host} refused the login for sending") from None
        except smtplib.SMTPNotSupportedError:
            raise Permanent(f"{settings.host} does not offer what sending needs: encryption, or a login") from None
        except (smtplib.SMTPException, OSError) as error:
            raise Transient(f"{settings.host} did not take the mail ({type(error).__name__})") from None


class _Connection(smtplib.SMTP):
    """Connects to a checked address only, with TLS from the first byte where the settings say so."""

    def __init__(self, settings: SubmissionSettings, *, allow_private: bool) -> None:
        self._tls = settings.security == "tls"
        self._allow_private = allow_private
        super().__init__(settings.host, settings.port, timeout=TIMEOUT)

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        plain = connect(resolve(host, port, allow_private=self._allow_private), port, timeout)
        return self._encrypted(plain, host) if self._tls else plain

    @staticmethod
    def _encrypted(plain: socket.socket, host: str) -> ssl.SSLSocket:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
