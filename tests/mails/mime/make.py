"""Writes the MIME corpus: NAME.eml, and NAME.json with what the mail was made to mean.

Run from the repository root: `python -m tests.mails.mime.make`. The expectations are written here by hand, beside the
bytes; nothing is copied from the parser's output. A key that is missing from the JSON is not judged.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path

from tests.mails.mime.case import Case

DIRECTORY = Path(__file__).parent
SECTIONS = ("structure", "charsets", "header_fields", "people", "dates", "filenames", "encodings", "special", "hostile")


def all_cases() -> list[Case]:
    """Every case of every section, in order; names are unique."""
    cases: list[Case] = []
    for section in SECTIONS:
        cases += importlib.import_module(f"tests.mails.mime.{section}").cases()
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), "two cases share a name"
    return cases


def main() -> None:
    for old in (*DIRECTORY.glob("*.eml"), *DIRECTORY.glob("*.json")):
        old.unlink()
    for case in all_cases():
        (DIRECTORY / f"{case.name}.eml").write_bytes(case.raw)
        expected = json.dumps(case.expected, ensure_ascii=True, indent=1, sort_keys=True)
        (DIRECTORY / f"{case.name}.json").write_text(expected + "\n")


if __name__ == "__main__":
    main()
