"""Paragraphs of `format=flowed` text put together again (RFC 3676)."""

from __future__ import annotations


def unflow(text: str, *, delete_space: bool) -> str:
    """`text` (LF line endings) with soft line breaks removed, space-stuffing undone, quote marks as `> `.

    `delete_space` is the parameter DelSp=yes. The signature separator never joins (§4.3).
    """
    out: list[str] = []
    paragraph: list[str] = []
    depth = 0
    for line in text.split("\n"):
        content = line.lstrip(">")
        line_depth = len(line) - len(content)
        if content.startswith(" "):
            content = content[1:]
        if paragraph and (line_depth != depth or content == "-- "):
            out.append(_quoted("".join(paragraph), depth))
            paragraph = []
        depth = line_depth
        if content.endswith(" ") and content != "-- ":
            paragraph.append(content[:-1] if delete_space else content)
        else:
            out.append(_quoted("".join(paragraph) + content, depth))
            paragraph = []
    if paragraph:
        out.append(_quoted("".join(paragraph), depth))
    return "\n".join(out)


def _quoted(text: str, depth: int) -> str:
    return ">" * depth + " " + text if depth else text
