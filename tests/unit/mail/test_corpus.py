"""Every mail of the corpus means what it was made to mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mail.parse import parse

CORPUS = Path(__file__).parents[2] / "mails" / "mime"
NAMES = sorted(path.stem for path in CORPUS.glob("*.eml"))


def test_the_corpus_is_large_and_complete() -> None:
    assert len(NAMES) >= 170
    assert all((CORPUS / f"{name}.json").exists() for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_mail_is_understood(name: str) -> None:
    parsed = parse((CORPUS / f"{name}.eml").read_bytes())
    found: dict[str, Any] = parsed.email.model_dump(mode="json", by_alias=True)
    expected = json.loads((CORPUS / f"{name}.json").read_text())
    if found["date"] is not None:
        found["date"] = found["date"].replace("Z", "+00:00")
    for key in ("text", "html"):
        found[key] = found[key].strip()
    found["problems"] = [problem["code"] for problem in found["problems"]]
    for key in [key for key in expected if key.endswith("_contains")]:
        assert expected.pop(key) in found[key.removesuffix("_contains")]
    if expected.get("problems"):
        assert set(expected.pop("problems")) <= set(found["problems"])
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize("name", NAMES)
def test_parts_are_the_attachments_and_strings_are_safe(name: str) -> None:
    parsed = parse((CORPUS / f"{name}.eml").read_bytes())
    assert [part.attachment for part in parsed.parts] == parsed.email.attachments
    assert all(len(part.content) == part.attachment.size for part in parsed.parts)
    dumped = parsed.email.model_dump_json()
    assert "\\u0000" not in dumped.replace("\\\\", "")
    dumped.encode()
