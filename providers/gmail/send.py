"""`users.messages.send`, for the delivery canary only: with a token of its own, since reading needs no such right."""

from __future__ import annotations

import base64

from providers.gmail.client import GmailClient


class GmailSender:
    def __init__(self, client: GmailClient) -> None:
        self._client = client

    async def send(self, raw: bytes) -> None:
        """Raises a `ProviderError`."""
        text = base64.urlsafe_b64encode(raw).decode()
        await self._client.call("messages.send", "POST", "messages/send", json={"raw": text})
