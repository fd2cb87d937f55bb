"""What a virus scanner says of one part of a mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

# One that was not scanned is never called clean.
Word = Literal["clean", "unscanned", "infected"]
# From best to worst.
WORDS: Final[tuple[Word, ...]] = get_args(Word)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason`: the name of what was found, or why not all was looked at (`too_large`, `no_scanner`, `scan_failed`)."""

    word: Word
    reason: str = ""
