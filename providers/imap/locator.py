"""Where a message is: folder, UIDVALIDITY and UID, as one string."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Locator:
    """A message for as long as the folder keeps its UIDVALIDITY (RFC 3501, 2.3.1.1)."""

    folder: str
    uidvalidity: int
    uid: int

    def format(self) -> str:
        """`<uidvalidity>/<uid>/<folder>`; the folder comes last, for it may contain slashes."""
        return f"{self.uidvalidity}/{self.uid}/{self.folder}"

    @classmethod
    def parse(cls, text: str) -> Locator:
        """The inverse of `format`. Raises ValueError."""
        uidvalidity, uid, folder = text.split("/", 2)
        if not (uidvalidity.isdecimal() and uid.isdecimal() and folder):
            raise ValueError("not an IMAP locator")
        return cls(folder, int(uidvalidity), int(uid))
