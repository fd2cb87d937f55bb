"""winmail.dat beyond the corpus: whatever its properties hold becomes clean text."""

from __future__ import annotations

import struct

from mail.rtf import decompress
from mail.tnef import read_tnef
from tests.mails.mime import tnef_writer as tnef


def test_nul_and_lone_surrogates_in_properties_are_dropped() -> None:
    body = "be\0fore \ud800 after".encode("utf-16-le", "surrogatepass")
    found = read_tnef(tnef.tnef(tnef.message_properties((0x1F, 0x1000, body))))
    assert found.text == "before \ufffd after"


def test_html_inside_rtf_is_taken_out() -> None:
    rtf = (
        rb"{\rtf1\ansi\ansicpg1252\fromhtml1 {\*\htmltag64 <p>}Gr\'fc\'dfe{\*\htmltag72 </p>}"
        rb"\htmlrtf hidden \htmlrtf0 {\*\htmltag84 <br>}}"
    )
    packed = struct.pack("<II4sI", len(rtf) + 12, len(rtf), b"MELA", 0) + rtf
    found = read_tnef(tnef.tnef(tnef.message_properties((0x102, 0x1009, packed))))
    assert found.html == "<p>Grüße</p><br>"


def test_compressed_rtf_refers_to_its_dictionary_and_to_itself() -> None:
    # The two examples of MS-OXRTFCP §4.
    simple = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    )
    crossing = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")
    assert decompress(simple) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert decompress(crossing) == b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"
