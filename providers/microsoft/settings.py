"""How a Microsoft 365 mailbox is read; its credentials are kept and passed separately."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# What may stand between quotes in an OData path; a name with more than this is given as the folder's id.
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9@._=+-]{1,400}$")]


class MicrosoftSettings(BaseModel):
    """`directory`: the Entra tenant, by id or domain. `user`: the mailbox's user, better by object id than by name.

    `folders`: well-known names (`inbox`) or folder ids. `since`: None takes what arrives from connecting on.
    `notify`: whether to subscribe; without it the mailbox is polled.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    directory: _Name
    user: _Name
    folders: list[_Name] = Field(default=["inbox"], min_length=1, max_length=20)
    since: date | None = None
    notify: bool = True
