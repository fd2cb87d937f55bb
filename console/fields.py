"""What forms and the API take for names and addresses."""

from __future__ import annotations

import re
from typing import Final

MAX_NAME: Final = 100
# The longest mail address there is (RFC 5321, 4.5.3.1.3), and some.
MAX_EMAIL: Final = 320
EMAIL: Final = r"^[^@\s<>,;\x00-\x1f]{1,64}@[^@\s<>,;\x00-\x1f]{1,255}$"


def clean(value: object, limit: int) -> str:
    """A field of a form without the spaces around it, and without NUL, which Postgres does not take."""
    return str(value or "").replace("\0", "")[:limit].strip()


def is_email(value: str) -> bool:
    return re.fullmatch(EMAIL, value) is not None
