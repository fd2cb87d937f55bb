"""`sendMail` with MIME content, for the delivery canary only (learn.microsoft.com/graph/api/user-sendmail)."""

from __future__ import annotations

import base64
from urllib.parse import quote

from providers.microsoft.client import GraphClient


class GraphSender:
    def __init__(self, client: GraphClient, user: str) -> None:
        self._client = client
        self._user = user

    async def send(self, raw: bytes) -> None:
        """Raises a `ProviderError`."""
        url = self._client.url(f"users/{quote(self._user, safe='@')}/sendMail")
        await self._client.post_text(url, base64.b64encode(raw))
