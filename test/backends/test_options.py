"""Backend options in the words of a command line."""

import pytest

from robotracer_ros.backends.options import read_options, takes_option
from robotracer_ros.errors import InvalidRequest


def test_a_value_gets_the_type_of_its_option() -> None:
    given = ["retries=3", "connect_timeout_s=1.5", "shared_dir=/mnt/a=b"]
    assert read_options("query_api", given) == {"retries": 3, "connect_timeout_s": 1.5, "shared_dir": "/mnt/a=b"}


@pytest.mark.parametrize(("words", "value"), [("constrained=true", True), ("constrained=False", False)])
def test_truth_is_written_in_words(words: str, value: bool) -> None:
    assert read_options("transformers_local", [words]) == {"constrained": value}


def test_an_unknown_option_stays_words_for_the_backend_to_refuse() -> None:
    assert read_options("replay", ["speed=3"]) == {"speed": "3"}
    assert read_options("no such backend", ["speed=3"]) == {"speed": "3"}


@pytest.mark.parametrize(
    ("given", "said"),
    [("retries", "NAME=VALUE"), ("retries=three", "of type int"), ("connect_timeout_s=soon", "of type float")],
)
def test_what_cannot_be_read_is_named(given: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        read_options("query_api", [given])


def test_a_truth_must_be_true_or_false() -> None:
    with pytest.raises(InvalidRequest, match="true or false, received 'yes'"):
        read_options("transformers_local", ["compile=yes"])


def test_options_of_a_backend_are_known() -> None:
    assert takes_option("transformers_local", "mode")
    assert not takes_option("replay", "mode")
