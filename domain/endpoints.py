"""Where the providers' services are: Google's, and the Microsoft cloud of this installation.

A national cloud is a pair of hosts whose tokens no other cloud takes, so one installation has one cloud
(learn.microsoft.com/graph/deployments).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Base URLs without a trailing slash. `webhooks_url` is where the sources reach our webhooks, "" for nowhere."""

    google_api: str = "https://gmail.googleapis.com"
    google_oauth: str = "https://oauth2.googleapis.com"
    google_consent: str = "https://accounts.google.com/o/oauth2/v2/auth"
    google_jwks: str = "https://www.googleapis.com/oauth2/v3/certs"
    google_pubsub: str = "https://pubsub.googleapis.com"
    graph: str = "https://graph.microsoft.com"
    microsoft_login: str = "https://login.microsoftonline.com"
    webhooks_url: str = ""

    @property
    def google_token(self) -> str:
        return f"{self.google_oauth}/token"

    @property
    def graph_scope(self) -> str:
        """The scope that asks for all application permissions granted, in the cloud of `graph`."""
        return f"{self.graph}/.default"

    def google_push(self, mailbox_id: str) -> str:
        """The push endpoint of a Gmail mailbox, which is also the audience of its tokens unless another is set."""
        return f"{self.webhooks_url}/webhooks/google/{mailbox_id}"

    @property
    def microsoft_push(self) -> str:
        return f"{self.webhooks_url}/webhooks/microsoft"
