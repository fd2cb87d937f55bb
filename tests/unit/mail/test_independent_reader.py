"""Another reader's view of the corpus: mblaze (Debian package `mblaze`), by other people in another language."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mail.parse import parse

CORPUS = Path(__file__).parents[2] / "mails" / "mime"

pytestmark = pytest.mark.skipif(shutil.which("mhdr") is None, reason="mblaze is not installed")

# Header blocks that mblaze does not repair, raw 8-bit and broken encoded words that it does not decode.
NOT_READ_BY_MBLAZE = re.compile(
    r"header_(blank_lines_first|byte_order_mark|lines_end_in|not_folded|space_before_colon|utf_16_file)|plain_cr_only|nul_in_the"
    r"|subject_raw_(?!utf_8)|words_(base64_(?!fold)|broken_hex|called_|charset_|cut_off|encoded_"
    r"twice|lying|not_one|raw_folded|soft_break|surrogates|unknown)"
    r"|from_(first_is_(empty|no_address)|mailer_daemon|missing)|many_|large_line|nested_too_deep"
)
# Well-formed mail with attachments that have names: every reader should find the same ones.
WITH_NAMES = re.compile(
    r"mixed_(?!rel|rep)|alternative_(with|holds|directly)|only_an|root_is_a_pdf|many_small|same_name|base64_(?!text|above|pad|one_d|with_a)"
    r"|boundary_(unquoted|folded|is_a|of)|inline_though|attached_(though|message_named)|end_boundary_missing|tnef_is_some"
    r"|text_file_text|html_file|filename_(plain|unquoted$|disposition|extended$|extended_(wins|latin|in)|continued|raw_utf"
    r"|semicolon|folded|japanese$|percent)|smime_(detached|encrypted)|apple_double"
)


def names(pattern: re.Pattern[str], *, matching: bool) -> list[str]:
    stems = sorted(path.stem for path in CORPUS.glob("*.eml"))
    return [stem for stem in stems if (pattern.match(stem) is not None) == matching]


def read(name: str, *command: str) -> str:
    finished = subprocess.run([*command, CORPUS / f"{name}.eml"], capture_output=True, timeout=30, check=False)
    return finished.stdout.decode("utf-8", "replace")


@pytest.mark.parametrize("name", names(NOT_READ_BY_MBLAZE, matching=False))
def test_subject_and_sender(name: str) -> None:
    email = parse((CORPUS / f"{name}.eml").read_bytes()).email
    assert email.subject.split() == read(name, "mhdr", "-d", "-h", "subject").split()
    assert [address.address.lower() for address in email.from_] == read(
        name, "maddr", "-a", "-h", "from"
    ).lower().split()


@pytest.mark.parametrize("name", names(WITH_NAMES, matching=True))
def test_attachment_names(name: str) -> None:
    email = parse((CORPUS / f"{name}.eml").read_bytes()).email
    assert email.attachments
    assert [attachment.filename for attachment in email.attachments] == re.findall(
        r'name="(.*)"', read(name, "mshow", "-t")
    )
