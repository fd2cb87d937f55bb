"""Coverage-guided fuzzing of the parser: `python -m tests.fuzz.fuzz_parse [CORPUS_DIRECTORY] [libFuzzer options]`.

Needs atheris (Apache-2.0), which is no dependency of the project. Seeds: copy tests/mails/mime/*.eml to the directory.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["mail", "domain"]):
    from mail.parse import parse
    from mail.sanitise import sanitise

FAILURES = frozenset({"parser_error", "parser_memory", "headers_unreadable"})


def one_input(data: bytes) -> None:
    """A mail must parse without a failed stage, into strings that UTF-8 holds; its HTML must be harmless."""
    parsed = parse(data)
    failed = [p for p in parsed.email.problems if p.code in FAILURES or p.code.endswith("_unread")]
    assert not failed, failed
    dumped = parsed.email.model_dump_json()
    assert "\\u0000" not in dumped.replace("\\\\", "")
    dumped.encode()
    if parsed.email.html:
        assert "<script" not in sanitise(parsed.email.html, cid_url=lambda _: None).html


def main() -> None:
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
