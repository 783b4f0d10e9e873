"""Replay and Recorder: what is played back is what was recorded."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robotracer_ros.backends.replay import Recorder, Replay
from robotracer_ros.errors import BackendFailed, BackendUnavailable, InvalidRequest, NoRecordedAnswer
from robotracer_ros.query import ModelAnswer, ModelQuery

IMAGE = np.zeros((2, 2, 3), np.uint8)


def query(instruction: str = "", sample_id: str = "", text: str = "") -> ModelQuery:
    return ModelQuery(text or f"prompt: {instruction}", IMAGE, instruction, sample_id)


class Fixed:
    """A backend that gives one answer after another."""

    def __init__(self, answers) -> None:
        self.answers = iter(answers)
        self.closed = 0

    def answer(self, query: ModelQuery) -> ModelAnswer:
        return next(self.answers)

    def close(self) -> None:
        self.closed += 1


def written(path, *rows):
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


answers = st.builds(
    ModelAnswer,
    st.text(),
    st.text(max_size=8),
    st.floats(0, 1e6),
    st.booleans(),
    st.lists(st.tuples(st.text(max_size=4), st.floats(-50, 0)), max_size=3).map(tuple),
)
# Blank sentences are no questions; a row needs something to be found by.
questions = st.tuples(st.text(min_size=1, max_size=12), st.sampled_from(["", "a", "7"]), st.text(max_size=6))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(session=st.lists(st.tuples(questions, answers), min_size=1, max_size=8))
def test_replay_equals_the_record(tmp_path_factory, session):
    path = tmp_path_factory.mktemp("record") / "session.jsonl"
    recorder = Recorder(Fixed([answer for _, answer in session]), path)
    for question, answer in session:
        assert recorder.answer(query(*question)) == answer
    recorder.close()
    replay = Replay(path)
    # Questions of one sample id may share answers in turn, so compare question by question.
    for question in dict(session):
        recorded = [answer for other, answer in session if other == question]
        same_id_and_text = [
            answer
            for other, answer in session
            if query(*other).text == query(*question).text
            and (other[1] == question[1] if question[1] else other[0] == question[0])
        ]
        played = [replay.answer(query(*question)) for _ in same_id_and_text]
        assert played == same_id_and_text
        assert all(answer in played for answer in recorded)


def test_benchmark_rows_by_id_and_by_instruction(tmp_path):
    path = written(
        tmp_path / "bench.jsonl",
        {"question_id": 0, "prompt": "Pick up the red cup.", "model_prediction": "[(1, 2)]", "trajectory": [[0, 0, 1]]},
        "",
        {"question_id": 1, "prompt": "Pick up the blue cup.", "model_prediction": "[(3, 4)]"},
    )
    replay = Replay(path)
    assert len(replay) == 2
    assert replay.answer(query(sample_id="1")) == ModelAnswer("[(3, 4)]", "bench", 0.0)
    assert replay.answer(query("Pick up the red cup.")).text == "[(1, 2)]"
    assert replay.answer(query("  pick up  the RED cup.\n")).text == "[(1, 2)]"
    assert replay.answer(query("Pick up the red cup.", sample_id="1")).text == "[(3, 4)]", "the sample id goes first"
    assert replay.answer(query("Pick up the red cup.", sample_id="unknown")).text == "[(1, 2)]"


def test_the_same_prompt_goes_before_the_same_instruction(tmp_path):
    rows = [{"instruction": "lift it", "text": mode, "answer": mode} for mode in ("3D", "2D")]
    replay = Replay(written(tmp_path / "modes.jsonl", *rows))
    assert [replay.answer(query("lift it", text=mode)).text for mode in ("2D", "3D", "2D")] == ["2D", "3D", "2D"]


def test_repeated_questions_come_in_order_and_start_again(tmp_path):
    rows = [{"instruction": "go", "answer": str(number)} for number in range(3)]
    replay = Replay(written(tmp_path / "loop.jsonl", *rows))
    assert [replay.answer(query("go")).text for _ in range(4)] == ["0", "1", "2", "0"]


def test_unknown_instruction_names_itself_the_nearest_and_the_count(tmp_path):
    things = ("cup", "bottle", "lamp")
    rows = [{"prompt": f"move the {thing} to the shelf", "model_prediction": "[]"} for thing in things]
    replay = Replay(written(tmp_path / "three.jsonl", *rows))
    with pytest.raises(NoRecordedAnswer, match=r"the cap to the shelf'.* 3 answers .*'move the cup to the shelf'"):
        replay.answer(query("move the cap to the shelf"))
    with pytest.raises(NoRecordedAnswer, match="none of its 3 answers is for one near it"):
        replay.answer(query("0123456789"))


def test_a_megabyte_of_instruction_is_refused_briefly_and_soon(tmp_path):
    rows = [{"prompt": f"{number} move the cup to the shelf " * 20, "model_prediction": "[]"} for number in range(500)]
    replay = Replay(written(tmp_path / "long.jsonl", *rows))
    started = time.monotonic()
    with pytest.raises(NoRecordedAnswer) as caught:
        replay.answer(query("move the cup " * 80_000))
    assert time.monotonic() - started < 2.0
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{not json", "not a JSON object"),
        ("[" * 100_000, "not a JSON object"),
        ("[1]", "expected a JSON object, received list"),
        ('{"prompt": "a"}', "'answer' or 'model_prediction'"),
        ('{"prompt": "a", "answer": 3}', "as a string"),
        ('{"answer": "x"}', "to be found by"),
        ('{"prompt": ["a"], "answer": "x"}', "instruction and text strings"),
        ('{"prompt": "a", "answer": "x", "truncated": "yes"}', "true or false"),
        ('{"prompt": "a", "answer": "x", "token_logprobs": [1]}', "token_logprobs"),
    ],
)
def test_broken_line_is_named(tmp_path, line, words):
    path = written(tmp_path / "broken.jsonl", {"prompt": "a", "answer": "x"}, line)
    with pytest.raises(InvalidRequest, match=words) as caught:
        Replay(path)
    assert "broken.jsonl, line 2" in str(caught.value)


def test_bytes_that_are_no_text_are_named(tmp_path):
    path = tmp_path / "latin.jsonl"
    path.write_bytes(b'{"prompt": "caf\xe9", "answer": "x"}\n')
    with pytest.raises(InvalidRequest, match="line 1"):
        Replay(path)


def test_missing_and_empty_files_are_refused(tmp_path):
    with pytest.raises(InvalidRequest, match="No such file"):
        Replay(tmp_path / "absent.jsonl")
    with pytest.raises(InvalidRequest, match="holds no answers"):
        Replay(written(tmp_path / "empty.jsonl", ""))


def test_each_row_is_readable_before_the_recorder_is_closed(tmp_path):
    path = tmp_path / "live.jsonl"
    recorder = Recorder(Fixed([ModelAnswer("\ud800 [(1, 2)] \u00e9", "m", 0.5)]), path)
    recorder.answer(query("go"))
    assert Replay(path).answer(query("go")).text == "\ud800 [(1, 2)] \u00e9"
    recorder.close()


def test_recording_continues_a_file_and_keeps_off_a_line_cut_short(tmp_path):
    path = tmp_path / "continued.jsonl"
    path.write_text('{"instruction": "one", "answer": "1"}', encoding="utf-8")
    recorder = Recorder(Fixed([ModelAnswer("2", "m", 0.0)]), path)
    recorder.answer(query("two"))
    recorder.close()
    replay = Replay(path)
    assert (replay.answer(query("one")).text, replay.answer(query("two")).text) == ("1", "2")


def test_closing_a_recorder_closes_the_inner_backend_and_ends_it(tmp_path):
    inner = Fixed([])
    recorder = Recorder(inner, tmp_path / "closed.jsonl")
    recorder.close()
    recorder.close()
    assert inner.closed == 2
    with pytest.raises(BackendUnavailable, match="closed"):
        recorder.answer(query("go"))


def test_failures_are_not_recorded(tmp_path):
    class Failing(Fixed):
        def answer(self, query):
            raise BackendFailed("no")

    recorder = Recorder(Failing([]), tmp_path / "failed.jsonl")
    with pytest.raises(BackendFailed):
        recorder.answer(query("go"))
    recorder.close()
    assert (tmp_path / "failed.jsonl").read_bytes() == b""


def test_a_recording_that_cannot_be_opened_is_refused(tmp_path):
    with pytest.raises(InvalidRequest, match="cannot record"):
        Recorder(Fixed([]), tmp_path / "absent" / "file.jsonl")


@pytest.mark.parametrize("name", ["robotracer_2d", "robotracer_3d"])
def test_released_answers_by_id_and_by_instruction(shared, name):
    path = shared / "tracespatial-standin" / f"{name}.jsonl"
    replay = Replay(path)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(replay) == len(rows) == 100
    for row in rows:
        assert replay.answer(query(sample_id=str(row["question_id"]))).text == row["model_prediction"]
        assert replay.answer(query(row["prompt"])).text == row["model_prediction"]
