"""Where reading a Microsoft 365 mailbox stands, folder by folder."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from providers.base import Permanent


class FolderCursor(BaseModel):
    """`link`: the whole delta or next link, with everything encoded in it. Times are epoch seconds.

    `since`: what this listing began with. `caught_up_at`: when its end was last reached, 0 for never; `shown`: how many
    messages it gave until then. `rest_since`: when the plain listing, which makes up for what delta left out, has come
    to messages received then; None once nothing is left to list. `rest`: its next link.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    link: str
    since: int
    caught_up_at: int = 0
    shown: int = 0
    rest: str | None = None
    rest_since: int | None = None

    def rewound(self, since: datetime) -> FolderCursor:
        """Everything received since (aware) is listed again, besides what was still to be."""
        wanted = int(since.timestamp())
        reached = wanted if self.rest_since is None else min(wanted, self.rest_since)
        return self.model_copy(update={"rest": None, "rest_since": reached})


class Cursor(BaseModel):
    """By folder, as the settings name it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    folders: dict[str, FolderCursor] = Field(default_factory=dict)

    def rewound(self, since: datetime) -> Cursor:
        """As `FolderCursor.rewound`, for every folder."""
        return Cursor(folders={folder: position.rewound(since) for folder, position in self.folders.items()})

    @classmethod
    def parse(cls, text: str | None) -> Cursor:
        """Raises Permanent for a text that is no cursor of ours."""
        try:
            return cls.model_validate_json(text) if text else cls()
        except ValidationError:
            raise Permanent("the stored cursor is not a Microsoft cursor") from None
