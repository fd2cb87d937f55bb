"""The process that parses: reads requests from its standard input, answers on its standard output, until end of file.

Frames: a request is 4 bytes length + JSON, then `size` bytes of mail unless `path` names a file; an answer is
one status byte, 8 bytes length + JSON of the parsed email (or, with status FAILED, why a file could not be used).
Hostile mail runs in here, so the parent reads JSON and never anything that could run. Started by `mail.pool` only:
`python -m mail.parser_process MEMORY_BYTES CPU_SECONDS MAILS`.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import struct
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from domain.email import ParsedEmail
from domain.mail_keys import MailKey
from mail.charsets import decode
from mail.parse import parse

REQUEST_LENGTH = struct.Struct(">I")
ANSWER_HEAD = struct.Struct(">BQ")
READY = b"ready"
DONE, RETIRING, FAILED = range(3)

# Address space is not memory: the interpreter and its libraries map this much before the first mail.
_PAGE = resource.getpagesize()
_GROWTH_SHARE = 3


def main() -> None:
    """Serves until standard input ends, which is also what happens when the parent dies."""
    memory, cpu_seconds, mails = (int(argument) for argument in sys.argv[1:4])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    # Whatever a library prints must not get between the frames.
    sys.stdout = sys.stderr
    decode("warm up the detector: \u00e4\u00f6\u00fc".encode("latin-1"))
    gc.freeze()
    sink.write(READY)
    sink.flush()
    for served, request in enumerate(_requests(source), start=1):
        _limit_cpu(cpu_seconds)
        status, body = _serve(request, source)
        if status == DONE and (served >= mails or _resident_bytes() > memory // _GROWTH_SHARE):
            status = RETIRING
        sink.write(ANSWER_HEAD.pack(status, len(body)))
        sink.write(body)
        sink.flush()


def _requests(source: BinaryIO) -> Iterator[dict[str, Any]]:
    while len(head := source.read(REQUEST_LENGTH.size)) == REQUEST_LENGTH.size:
        yield json.loads(source.read(*REQUEST_LENGTH.unpack(head)))


def _serve(request: dict[str, Any], source: BinaryIO) -> tuple[int, bytes]:
    """(status, answer) of one request. A file that cannot be read or written is no fault of the mail."""
    try:
        path = request.get("path")
        email = _parse(request, Path(path).read_bytes() if path is not None else source.read(request["size"]))
    except OSError as error:
        return FAILED, (error.strerror or type(error).__name__).encode()
    out_of_memory = any(problem.code == "parser_memory" for problem in email.problems)
    # No later mail shall find a key in this process's memory.
    return RETIRING if out_of_memory or request.get("keys") else DONE, email.model_dump_json(by_alias=True).encode()


def _parse(request: dict[str, Any], raw: bytes) -> ParsedEmail:
    received_at = request.get("received_at")
    parsed = parse(
        raw,
        known_texts=request.get("known_texts", ()),
        received_at=datetime.fromisoformat(received_at) if received_at else None,
        keys=[MailKey.model_validate(key) for key in request.get("keys", ())],
    )
    directory = request.get("directory")
    if directory is not None:
        for part in parsed.parts:
            write_content(Path(directory), part.attachment.sha256, part.content)
    return parsed.email


def write_content(directory: Path, sha256: str, content: bytes) -> None:
    """Writes `directory/<sha256>`, at once or not at all."""
    target = directory / sha256
    if target.exists():
        return
    temporary = directory / f".{sha256}.{os.getpid()}"
    try:
        temporary.write_bytes(content)
        temporary.replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _limit_cpu(seconds: int) -> None:
    """`seconds` from now on; past them the kernel ends the process (SIGXCPU)."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + seconds + 1, hard))


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_bytes().split()[1]) * _PAGE


if __name__ == "__main__":
    main()
