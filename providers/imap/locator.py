"""Where a message is: folder, UIDVALIDITY and UID, as one string."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Locator:
    """A message for as long as the folder keeps its UIDVALIDITY (RFC 3501, 2.3.1.1).

    `again`: tells a message apart from an earlier one that had the same number, before a backup was restored.
    """

    folder: str
    uidvalidity: int
    uid: int
    again: str = ""

    def of(self, key: str) -> Locator:
        """The locator of another message, with this key, that has the number now."""
        return replace(self, again=hashlib.sha256(key.encode()).hexdigest()[:12])

    def format(self) -> str:
        """`<uidvalidity>[~<again>]/<uid>/<folder>`; the folder comes last, for it may contain slashes."""
        mark = f"~{self.again}" if self.again else ""
        return f"{self.uidvalidity}{mark}/{self.uid}/{self.folder}"

    @classmethod
    def parse(cls, text: str) -> Locator:
        """The inverse of `format`. Raises ValueError."""
        numbering, uid, folder = text.split("/", 2)
        uidvalidity, _, again = numbering.partition("~")
        if not (uidvalidity.isdecimal() and uid.isdecimal() and folder):
            raise ValueError("not an IMAP locator")
        return cls(folder, int(uidvalidity), int(uid), again)
