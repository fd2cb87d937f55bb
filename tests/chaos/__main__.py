"""`make chaos`: 500 mails while every process is killed again and again; 1,000 at once in random order."""

import sys

import pytest

sys.exit(
    pytest.main(
        ["-s", "--chaos-mails=500", "--burst=1000", "tests/chaos", "tests/integration/pipeline/test_order.py", "-k",
         "killed or burst", *sys.argv[1:]]
    )
)  # fmt: skip
