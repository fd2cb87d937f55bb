"""The authorization servers whose tokens are good for IMAP: Google's, Microsoft's, and any other of RFC 6749.

developers.google.com/gmail/imap/xoauth2-protocol; learn.microsoft.com/exchange/client-developer/legacy-protocols/
how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from domain.endpoints import Endpoints

Grant = Literal["refresh_token", "client_credentials"]


@dataclass(frozen=True, slots=True)
class Server:
    """An authorization server, and the IMAP server that its tokens are for.

    `authorize_url` is "" where no user is asked; `extra` are more parameters of that page.
    """

    authorize_url: str
    token_url: str
    scope: str
    host: str
    extra: Mapping[str, str] = field(default_factory=dict)

    def client(self, client_id: str, grant: Grant) -> dict[str, Any]:
        """A client of this server as a mailbox's settings keep it (`providers.imap.settings.OAuthClient`)."""
        return {
            "authorize_url": self.authorize_url or None,
            "token_url": self.token_url,
            "scope": self.scope,
            "extra": dict(self.extra),
            "client_id": client_id,
            "grant": grant,
        }


def google(endpoints: Endpoints) -> Server:
    """`prompt=consent`: only a first consent gives a refresh token."""
    return Server(
        endpoints.google_consent,
        endpoints.google_token,
        "https://mail.google.com/",
        "imap.gmail.com",
        {"access_type": "offline", "prompt": "consent"},
    )


def microsoft(endpoints: Endpoints, directory: str, *, application: bool = False) -> Server:
    """`application`: for tokens of the application itself, whose rights an administrator granted."""
    base = f"{endpoints.microsoft_login}/{directory}/oauth2/v2.0"
    user = "https://outlook.office.com/IMAP.AccessAsUser.All offline_access"
    scope = "https://outlook.office365.com/.default" if application else user
    return Server(f"{base}/authorize", f"{base}/token", scope, "outlook.office365.com", {"response_mode": "query"})
