"""What forms and the API take for names and addresses."""

from __future__ import annotations

import re
from typing import Final

MAX_NAME: Final = 100
EMAIL: Final = r"^[^@\s<>,;\x00-\x1f]{1,64}@[^@\s<>,;\x00-\x1f]{1,255}$"


def is_email(value: str) -> bool:
    return re.fullmatch(EMAIL, value) is not None
