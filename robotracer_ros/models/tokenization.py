"""The nano model's own vocabulary: byte-level BPE, with numbers and the family's fixed phrases as single tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from robotracer_ros.errors import InvalidRequest

IMAGE: Final = "<|image_pad|>"
SPATIAL: Final = "<|spatial_pad|>"
SCALE: Final = "<SCALE>"
ASSISTANT: Final = "<|assistant|>"
END: Final = "<|end|>"
PAD: Final = "<|pad|>"
SPECIAL_TOKENS: Final = (PAD, END, IMAGE, SPATIAL, SCALE, ASSISTANT)

# Thousandths of the image, and the decimals of metres: one token each, so that "512, 304, 0.734), (" takes six.
NUMBERS: Final = (
    *(f"{value:0{digits}d}" for digits in (1, 2, 3) for value in range(10**digits)),
    "1000",
)
WHOLE_METRES: Final = tuple(f", {metres}." for metres in range(4))

# Words with the space before them; runs of punctuation with single spaces inside, and the space before a number (a
# number is a token of its own and ends the piece); other digits; other white space.
_PIECES: Final = r" ?\p{L}+| ?[^\s\p{L}\p{N}]+(?: [^\s\p{L}\p{N}]+)*(?: \z)?|\p{N}+|\s+(?=\S)|\s+"


def build_tokenizer(
    corpus: Iterable[str], phrases: Sequence[str] = (), *, vocab_size: int = 2560
) -> PreTrainedTokenizerFast:
    """Learn a vocabulary of at most ``vocab_size`` tokens, everything included.

    Args:
        corpus: texts of the task, questions and answers.
        phrases: texts that become one token each, wherever they stand; the longest that fits wins.

    Raises:
        InvalidRequest: for a vocabulary too small for bytes, numbers and phrases, or a phrase that is empty or would
            not come back from its token as it went in.
    """
    added = [*NUMBERS, *WHOLE_METRES, *phrases]
    room = vocab_size - len(added)
    least = len(SPECIAL_TOKENS) + 256
    if room < least:
        raise InvalidRequest(f"vocab_size must be at least {least + len(added)} here, received {vocab_size}")
    tokenizer = Tokenizer(models.BPE(unk_token=None, fuse_unk=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=room,
        min_frequency=2,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_between(corpus, phrases), trainer)
    tokenizer.add_tokens([AddedToken(text, normalized=False, special=False) for text in added])
    _require_return(tokenizer, phrases)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        extra_special_tokens=[IMAGE, SPATIAL, SCALE, ASSISTANT],
        padding_side="left",
        model_max_length=2048,
        clean_up_tokenization_spaces=False,
    )


def number_values(tokenizer: PreTrainedTokenizerFast) -> dict[int, float]:
    """Token id to value of every number token, thousandths as 1."""
    return {int(tokenizer.convert_tokens_to_ids(text)): int(text) / 1000.0 for text in NUMBERS}


def _between(corpus: Iterable[str], phrases: Sequence[str]) -> Iterator[str]:
    """What is left of the texts between the added tokens, as the tokenizer will see it."""
    longest_first = sorted(phrases, key=len, reverse=True)
    added = re.compile("|".join([*map(re.escape, longest_first), r", [0-3]\.", "1000", "[0-9]{1,3}"]))
    for text in corpus:
        yield from filter(None, added.split(text))


def _require_return(tokenizer: Tokenizer, phrases: Sequence[str]) -> None:
    for phrase in phrases:
        if not phrase or tokenizer.decode(tokenizer.encode(phrase).ids) != phrase:
            raise InvalidRequest(f"the phrase {phrase!r} cannot be a token: it would not come back as it is")
