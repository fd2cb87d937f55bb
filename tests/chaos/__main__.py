"""`make chaos`: 500 mails while every process is killed; ten days of IMAP faults; 1,000 mails at once in random order;
2,000 mails of Gmail and Microsoft 365 whose notifications get lost, doubled and shuffled.

Arguments are pytest's: `make chaos ARGS="-k killed"`.
"""

import subprocess
import sys

import pytest

PARTS = (
    ("--chaos-mails=500", "--imap-hours=240", "tests/chaos"),
    ("--burst=1000", "tests/integration/pipeline/test_order.py", "-k", "burst"),
    ("--burst=2000", "tests/integration/push/test_unreliable_notifications.py"),
)

failed = 0
for part in PARTS:
    code = subprocess.run([sys.executable, "-m", "pytest", "-s", *part, *sys.argv[1:]], check=False).returncode
    failed |= code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
sys.exit(failed)
