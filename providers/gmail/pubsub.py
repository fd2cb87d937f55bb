"""A Pub/Sub pull subscription over REST (cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import aiohttp

from providers import web
from providers.base import Gone, ProviderError
from providers.gmail.errors import classify
from providers.oauth import TokenSource

# Messages of one pull, and of one acknowledgement.
MOST = 500
# Seconds that Pub/Sub may take to find out that there is no message.
_PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Pulled:
    """`data` is base64, as it came; it is another's until `ack_id` is acknowledged."""

    ack_id: str
    data: Any


class PullSubscription:
    """Every method raises a `ProviderError`. `name` is `projects/P/subscriptions/S`."""

    def __init__(self, http: aiohttp.ClientSession, base_url: str, name: str, tokens: TokenSource) -> None:
        self._http = http
        self._url = f"{base_url}/v1/{name}"
        self._tokens = tokens

    async def pull(self) -> list[Pulled]:
        """What is there, as soon as there is something; after some time also nothing."""
        answer = await self._call("pull", {"maxMessages": MOST})
        received = answer.get("receivedMessages") if isinstance(answer, dict) else None
        return [
            Pulled(item["ackId"], item["message"].get("data") if isinstance(item.get("message"), dict) else None)
            for item in received or []
            if isinstance(item, dict) and isinstance(item.get("ackId"), str)
        ]

    async def acknowledge(self, ack_ids: list[str]) -> None:
        await self._call("acknowledge", {"ackIds": ack_ids})

    async def _call(self, verb: str, body: dict[str, Any]) -> Any:
        token = await self._tokens.token()
        response = await self._post(verb, body, token)
        if response.status == 401:
            response.release()
            response = await self._post(verb, body, await self._tokens.token(refused=token))
        async with response:
            if response.status == 200:
                return await web.read_json(response)
            try:
                document = await web.read_json(response, 64 * 1024)
            except ProviderError:
                document = None
            error = classify(response.status, response.headers, document)
        raise Gone("Pub/Sub has no such subscription") if isinstance(error, Gone) else error

    async def _post(self, verb: str, body: dict[str, Any], token: str) -> aiohttp.ClientResponse:
        async with web.network("Pub/Sub"):
            return await self._http.post(
                f"{self._url}:{verb}",
                json=body,
                headers={"Authorization": f"Bearer {token}"},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=_PATIENCE, sock_read=_PATIENCE, connect=15),
            )
