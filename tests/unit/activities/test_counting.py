"""What the steps of a message add to the metrics."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from activities import counting
from domain.email import Problem


@pytest.mark.parametrize("code", ["parser_timeout", "parser_memory", "parser_killed", "too_deep"])
def test_every_limit_that_a_mail_meets_is_counted(code: str) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("postroom_parser_limits_total", {"limit": code}) or 0

    before = counted()
    counting.parsed([Problem(code=code, detail="")])
    assert counted() == before + 1
