from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.imap.locator import Locator

NUMBERS = st.integers(min_value=1, max_value=2**32 - 1)


@given(folder=st.text(min_size=1), uidvalidity=NUMBERS, uid=NUMBERS)
def test_parse_is_the_inverse_of_format(folder: str, uidvalidity: int, uid: int) -> None:
    locator = Locator(folder, uidvalidity, uid)
    assert Locator.parse(locator.format()) == locator


def test_folder_with_slashes_comes_last() -> None:
    assert Locator("Support/2026/Q1", 7, 9).format() == "7/9/Support/2026/Q1"


@pytest.mark.parametrize("text", ["", "7/9", "7/9/", "7/x/INBOX", "-7/9/INBOX", "17c3a5b2d9e8f001"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Locator.parse(text)
