"""What the retention workflow knows of its passes: counts only."""

from __future__ import annotations

from domain.inbound import Reference


class RetentionPass(Reference):
    """`rows` that were let go; `more`: another pass has something to do."""

    rows: int = 0
    more: bool = False
