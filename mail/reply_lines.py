"""One line of a mail body, made comparable: what clients add around the words is left out."""

from __future__ import annotations

# What clients put around what they write: spaces, zero-width and bidirectional marks; and emphasis as in `*From:*`.
MARKS = " \t\r\xa0\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\ufeff\u202f\u3000\u00ad" + "".join(
    map(chr, (*range(0x200E, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
)
EMPHASIS = MARKS + "*_"

_CLOSING_WORDS = frozenset(
    {"wrote:", "a écrit :", "a écrit:", "schrieb:", "ha scritto:", "escribió:", "escreveu:", "writes:"}
)


def is_quoted(stripped: str) -> bool:
    """Whether a line (without its surrounding `MARKS`) is quoted with `>`; `>From ` is how mbox files escape a line."""
    if not stripped:
        return False
    if stripped[0] == ">":
        # ">>> press here <<<" decorates, ">>> Anna 3/5/2024 9:14 AM >>>" is GroupWise's attribution; "> wrote:" closes
        # the address that began on the line before.
        if stripped[-1] in ":<>":
            return not (stripped.endswith(("<<", " >>>")) or stripped[1:].strip() in _CLOSING_WORDS)
        return not stripped.startswith(">From ")
    return stripped[0] == "＞"


def unquoted(stripped: str) -> str:
    """The line without its quote marks."""
    return stripped.lstrip("> \t\xa0")
