"""`postroom parse`: one JSON line per mail, in the order given, whatever the files hold."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

from tests.mails.mime.case import PDF, file, mail, mixed, text
from workers.parse_command import run

DESIGN_KEYS = (
    "message_id subject date from sender reply_to to cc in_reply_to references text html reply_text attachments kind "
    "reply_confidence forwarded bounce authentication problems"
)


def lines(files: list[str], directory: Path | None = None, stdin: bytes = b"") -> tuple[int, list[dict[str, Any]]]:
    out = io.BytesIO()
    code = run(files, directory, io.BytesIO(stdin), out)
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


def test_every_key_of_the_design_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(mail("Hello"))
    code, (found,) = lines([str(tmp_path / "a.eml")])
    assert code == 0
    assert set(DESIGN_KEYS.split()) <= set(found)
    assert found["from"] == [{"name": "Ada Example", "address": "ada@example.com"}]
    assert found["date"] == "2026-11-20T11:22:33+01:00"


def test_lines_keep_the_order_of_the_files(tmp_path: Path) -> None:
    names = [f"{number}.eml" for number in range(30)]
    for number, name in enumerate(names):
        # The first ones take longest.
        (tmp_path / name).write_bytes(mail("x" * (300_000 - number * 10_000), f"Subject: {name}"))
    _, found = lines([str(tmp_path / name) for name in names])
    assert [line["subject"] for line in found] == names


def test_unreadable_and_damaged_files_have_their_line_too(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "good.eml").write_bytes(mail("Hello"))
    code, found = lines(
        [str(tmp_path / "missing"), str(tmp_path), str(tmp_path / "binary"), str(tmp_path / "good.eml")]
    )
    assert code == 1
    assert [line["problems"][0]["code"] for line in found[:2]] == ["unreadable_file", "unreadable_file"]
    assert found[2]["problems"]
    assert found[3]["text"] == "Hello"


def test_dash_is_one_mail_on_standard_input() -> None:
    code, (found,) = lines(["-"], stdin=mail("From a pipe"))
    assert code == 0
    assert found["text"] == "From a pipe"


def test_attachments_are_written_under_their_digest(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(mixed(text("x"), file("offer.pdf", PDF)))
    _, (found,) = lines([str(tmp_path / "a.eml")], tmp_path / "new" / "out")
    (attachment,) = found["attachments"]
    assert attachment["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert (tmp_path / "new" / "out" / attachment["sha256"]).read_bytes() == PDF
