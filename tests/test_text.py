"""Text from elsewhere becomes a plain line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.text import plain


@pytest.mark.parametrize("letter", ["\x00", "\x1b", "\x7f", "\x9b", "\u200b", "\u202e", "\u2066", "\ufeff", "\ud800"])
def test_what_drives_a_terminal_or_turns_the_writing_is_a_question_mark(letter: str):
    assert plain(f"a{letter}b", 10) == "a?b"


@pytest.mark.parametrize("space", ["\n", "\r\n", "\t", "\u2028", "\u2029", "\x85"])
def test_lines_become_one(space: str):
    assert plain(f"a{space}b", 10) == "a b"


def test_words_of_any_language_stay():
    assert plain("Größe 5 µs, 人, שלום", 100) == "Größe 5 µs, 人, שלום"


@given(st.text(), st.integers(1, 20))
def test_it_is_a_line_that_can_be_shown_and_no_longer_than_wanted(text: str, longest: int):
    found = plain(text, longest)
    assert found.isprintable()
    assert len(found) <= longest
