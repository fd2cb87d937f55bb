"""`make chaos`: 500 mails while every process is killed; 1,000 at once in random order; ten days of IMAP faults."""

import sys

import pytest

sys.exit(
    pytest.main(
        ["-s", "--chaos-mails=500", "--burst=1000", "--imap-hours=240", "tests/chaos",
         "tests/integration/pipeline/test_order.py", "-k", "killed or burst or faults", *sys.argv[1:]]
    )
)  # fmt: skip
