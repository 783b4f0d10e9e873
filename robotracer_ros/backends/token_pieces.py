"""The text that each generated token adds to an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# What a decoder puts where the bytes of a character are incomplete.
_INCOMPLETE = "\N{REPLACEMENT CHARACTER}"


def token_pieces(ids: Sequence[int], decode: Callable[[Sequence[int]], str]) -> list[str]:
    """One piece of text per token; joined they are the answer.

    A token alone does not decode to its share: decoders drop a space at the very front, and the bytes of one character
    may be spread over several tokens. So each token is decoded behind the ones of the piece before it, and a character
    belongs to the token that completes it; those before it add "".
    """
    pieces = []
    context = done = 0
    for end in range(1, len(ids) + 1):
        before = decode(ids[context:done])
        after = decode(ids[context:end])
        if after.endswith(_INCOMPLETE) and end < len(ids):
            pieces.append("")
            continue
        pieces.append(after[len(before) :])
        context, done = done, end
    return pieces
