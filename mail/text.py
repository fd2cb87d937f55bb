"""Strings that Postgres, JSON and UTF-8 accept, whatever the sender put in."""

from __future__ import annotations

import io


def clean(text: str) -> str:
    """`text` without NUL; surrogate pairs joined, lone surrogates as U+FFFD."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def newlines(text: str) -> str:
    """`text` with every line ending (CRLF, lone CR) as LF."""
    if "\r" in text:
        # One pass; replacing two characters by one costs three times that.
        return io.IncrementalNewlineDecoder(None, translate=True).decode(text, final=True)
    return text
