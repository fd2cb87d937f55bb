"""How a Gmail mailbox is read; its credentials are kept and passed separately."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

SUBSCRIPTION = r"^projects/[a-z][a-z0-9.:-]{4,98}/subscriptions/[A-Za-z][A-Za-z0-9._~+%-]{2,254}$"
TOPIC = r"^projects/[a-z][a-z0-9.:-]{4,98}/topics/[A-Za-z][A-Za-z0-9._~+%-]{2,254}$"


class GmailSettings(BaseModel):
    """`labels`: ids; a message with any of them is taken. `since`: None takes what arrives from connecting on.

    `topic`: the Pub/Sub topic that Gmail publishes to, None to poll only. `push_service_account`: the one whose tokens
    pushes carry; without it no push is accepted. `push_audience`: their audience, None for the push endpoint's URL.
    `subscription`: one to pull from, for hosts that the internet does not reach; every mailbox may name the same.
    `units_per_minute`: the project's quota per user, of which reading a message costs `units_per_message`; projects
    made before May 2026 have 15,000 and 5.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    labels: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(default=["INBOX"], min_length=1)
    since: date | None = None
    topic: str | None = Field(default=None, pattern=TOPIC)
    push_service_account: str | None = None
    push_audience: str | None = None
    subscription: str | None = Field(default=None, pattern=SUBSCRIPTION)
    units_per_minute: int = Field(default=6000, ge=600)
    units_per_message: int = Field(default=20, ge=1)
