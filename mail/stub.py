"""Text alternatives that only say that there is an HTML one."""

from __future__ import annotations

import re

_MAX_STUB = 400
_POINTS_TO_HTML = re.compile(
    r"html|(?:your|this) (?:e-?mail|mail) (?:client|program|reader)|view (?:it|this|the) .{0,40}(?:browser|online)"
    r"|e-?mail-?programm|votre (?:messagerie|logiciel)|cliente de correo|mime (?:format|message)"
    r"|no text (?:version|part)",
    re.I,
)


def is_stub(text: str) -> bool:
    """Whether `text` is empty, or short and about HTML mail rather than about anything."""
    text = text.strip()
    return not text or (len(text) <= _MAX_STUB and _POINTS_TO_HTML.search(text) is not None)
