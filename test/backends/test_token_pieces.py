"""Pieces of text per token: joined they are the text, and each stands where its token ends a character."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from robotracer_ros.backends.token_pieces import token_pieces


def decode_bytes(ids):
    return bytes(ids).decode("utf-8", "replace")


def decode_stripping(ids):
    """As decoders of SentencePiece do: the first word loses the space before it."""
    return "".join(("▁a", "▁b", "c")[token] for token in ids).replace("▁", " ").removeprefix(" ")


@given(st.lists(st.integers(0, 255), max_size=40))
def test_pieces_of_any_bytes_are_the_text(ids):
    pieces = token_pieces(ids, decode_bytes)
    assert len(pieces) == len(ids)
    assert "".join(pieces) == decode_bytes(ids)


@given(st.text(max_size=20))
def test_a_character_belongs_to_its_last_byte(text):
    ids = list(text.encode())
    pieces = token_pieces(ids, decode_bytes)
    ends = [len(text[:end].encode()) - 1 for end in range(1, len(text) + 1)]
    assert "".join(pieces) == text
    if "\N{REPLACEMENT CHARACTER}" not in text:
        assert [index for index, piece in enumerate(pieces) if piece] == ends


@given(st.lists(st.integers(0, 2), max_size=20))
def test_only_the_very_first_space_is_dropped(ids):
    assert "".join(token_pieces(ids, decode_stripping)) == decode_stripping(ids)
