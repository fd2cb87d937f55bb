"""Where reading a Gmail mailbox stands."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, ValidationError

from providers.base import Permanent

# How much of the time before the last complete reading is listed again when the history is gone.
OVERLAP = timedelta(days=1)


class Cursor(BaseModel):
    """Everything up to `history_id` is listed, but for what `listing_since` says.

    `listing_since` (epoch seconds): the messages received since then are being listed; the history since `history_id`,
    which was taken before, comes after them. `page`: how far the listing or the history has been read.
    `caught_up_at` (epoch seconds): when the end was last reached. `parked`: ids of messages that could not be read, and
    since when (epoch seconds); they are tried again whenever the end of the history is reached.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    history_id: int
    listing_since: int | None = None
    page: str | None = None
    caught_up_at: int = 0
    parked: dict[str, int] = {}

    def rewound(self, since: datetime) -> Cursor:
        """Everything received since (aware) is listed again, besides what was still to be."""
        wanted = int(since.timestamp())
        # Also what came since the end was reached: the history may be gone.
        reached = self.caught_up_at - int(OVERLAP.total_seconds()) if self.caught_up_at else wanted
        left = reached if self.listing_since is None else self.listing_since
        return self.model_copy(update={"listing_since": min(wanted, left), "page": None})

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Raises Permanent for a text that is no cursor of ours."""
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            raise Permanent("the stored cursor is not a Gmail cursor") from None
