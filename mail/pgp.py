"""OpenPGP armor inside text bodies (RFC 9580 §6.2, §7)."""

from __future__ import annotations

import re

_BEGIN_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_BEGIN_SIGNATURE = "\n-----BEGIN PGP SIGNATURE-----"
_END_SIGNATURE = "\n-----END PGP SIGNATURE-----"
_DASH_ESCAPED = re.compile(r"^- ", re.M)
_ENCRYPTED = re.compile(r"^-----BEGIN PGP MESSAGE-----", re.M)
_END_MESSAGE = "\n-----END PGP MESSAGE-----"


def is_encrypted(text: str) -> bool:
    """Whether `text` holds an encrypted block (quoted ones do not count)."""
    return _ENCRYPTED.search(text) is not None


def encrypted_block(text: str) -> tuple[int, int]:
    """(start, end) of the encrypted block of a `text` that has one; without its end it goes on to the last line."""
    found = _ENCRYPTED.search(text)
    assert found is not None
    end = text.find(_END_MESSAGE, found.end())
    return found.start(), end + len(_END_MESSAGE) if end >= 0 else len(text)


def signed_block(text: str) -> str:
    """The clear-signed block of a `text` that has one (`signed_text`), armor and all."""
    start = text.find(_BEGIN_SIGNED)
    end = text.find(_END_SIGNATURE, text.find(_BEGIN_SIGNATURE, start) + 1)
    return text[start : end + len(_END_SIGNATURE)] + "\n"


def signed_text(text: str) -> tuple[str, str] | None:
    """(`text` with the armor of its clear-signed block taken off, the signature); None where there is none."""
    start = text.find(_BEGIN_SIGNED)
    body = text.find("\n\n", start)
    signature = text.find(_BEGIN_SIGNATURE, body)
    end = text.find(_END_SIGNATURE, signature + 1)
    if min(start, body, signature, end) < 0 or (start > 0 and text[start - 1] != "\n"):
        return None
    content = _DASH_ESCAPED.sub("", text[body + 2 : signature])
    armor_end = end + len(_END_SIGNATURE)
    return text[:start] + content + text[armor_end:], text[signature + 1 : armor_end] + "\n"
