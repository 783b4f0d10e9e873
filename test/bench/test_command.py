"""`robotracer bench` on the command line: JSON and tables, recordings judged again, refusals of one line."""

from __future__ import annotations

import json

import pytest
from bench.speakers import true_words

pytest.importorskip("robotracer_ros.sim.stage")

from robotracer_ros.bench.examples import Examples
from robotracer_ros.bench.input_modes import MODES, RICHEST
from robotracer_ros.cli import main
from robotracer_ros.sim.catalogue import Split

SMALL = ("--resolution", "320x240", "--families", "pick_in,measure_height", "--n", "2")


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """The truth about `SMALL`, recorded for two modes."""
    with Examples(Split.TEST, size=(320, 240), families=("pick_in", "measure_height")) as examples:
        drawn = list(examples.first(2))
    rows = [
        {"sample_id": f"{example.name}/{mode}", "answer": true_words(example), "model": "truth", "latency_s": 0.5}
        for mode in ("rgb", RICHEST)
        for example in drawn
    ]
    path = tmp_path_factory.mktemp("answers") / "answers.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def bench(answers, *more):
    return main(["bench", *more[:1], *SMALL, "--backend", "replay", "--answers", str(answers), *more[1:]])


def test_recorded_truth_scores_whole_and_is_printed_as_json(answers, capsys):
    assert bench(answers, "tabletop", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["overall"] == 1.0 and said["n"] == 2 and said["mode"] == RICHEST and said["split"] == "test"
    assert list(said["by_family"]) == ["pick_in", "measure_height"] and list(said["by_mode"]) == [RICHEST]
    assert said["median_s"] == 0.5 and said["errors"] == {}


def test_modes_without_an_answer_are_wrong_and_stand_beside(answers, capsys):
    assert bench(answers, "tabletop", "--json", "--mode", "all") == 0
    said = json.loads(capsys.readouterr().out)
    assert {mode: figures["overall"] for mode, figures in said["by_mode"].items()} == {
        mode: float(mode in ("rgb", RICHEST)) for mode in MODES
    }
    assert said["by_mode"]["rgb+encoder"]["errors"] == {"NO_RECORDED_ANSWER": 2}


def test_tables_pictures_and_recordings_are_made(answers, tmp_path, capsys):
    more = ("--out", str(tmp_path / "out"), "--record", str(tmp_path / "again.jsonl"), "--mode", "rgb")
    assert bench(answers, "tabletop", *more) == 0
    assert "2 of 2" in capsys.readouterr().out
    assert len((tmp_path / "out" / "examples.jsonl").read_text().splitlines()) == 2
    assert bench(tmp_path / "again.jsonl", "tabletop", "--mode", "rgb", "--json") == 0
    assert json.loads(capsys.readouterr().out)["overall"] == 1.0


def test_lifting_is_compared(answers, capsys):
    assert bench(answers, "lifting", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["n"] == 1 and said["without_answer"] == 0
    assert said["centimetres"]["all answers"]["fused"]["start"][1] < 1.0
    assert bench(answers, "lifting") == 0
    assert "model depth" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--split", "exam"), "validation"),
        (("--families", "juggle"), "pick_in"),
        (("--n", "0"), "1 to"),
        (("--seed", "-1"), "at least 0"),
        (("--family", "oracle"), "robotracer"),
        (("--option", "colour=red"), "colour"),
        (("--option", "colour"), "NAME=VALUE"),
        (("--model", "robotracer-nano"), "does not know 'model'"),
        (("--backend", "transformers_local", "--option", "constrained=perhaps"), "true or false"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_2(answers, capsys, more, words):
    assert bench(answers, "tabletop", *more) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and words in printed.err
    assert printed.err.startswith("robotracer bench: ") and printed.err.count("\n") == 1


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """A RoboTracer that has learned nothing, and a model without a spatial encoder."""
    for library in ("torch", "transformers"):
        pytest.importorskip(library)
    from backends.tiny_checkpoints import MAKERS

    return {name: MAKERS[name](tmp_path_factory.mktemp(name)) for name in ("robotracer", "qwen3_vl")}


@pytest.mark.parametrize(("name", "more"), [("robotracer", ("--mode", "all")), ("qwen3_vl", ("--option", "mode="))])
def test_a_checkpoint_that_learned_nothing_runs_and_scores_nothing(checkpoints, capsys, name, more):
    few = ("--option", "max_new_tokens=4", "--option", "threads=1", "--json", "--model", str(checkpoints[name]))
    assert main(["bench", "tabletop", *SMALL, *few, *more]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["overall"] == 0.0 and said["n"] == 2 and sum(said["errors"].values()) >= 1
    assert list(said["by_mode"]) == (list(MODES) if name == "robotracer" else [RICHEST])


def test_input_modes_are_refused_for_a_model_without_a_spatial_encoder(checkpoints, capsys):
    assert main(["bench", "tabletop", *SMALL, "--model", str(checkpoints["qwen3_vl"])]) == 2
    assert "leave mode empty" in capsys.readouterr().err


def test_a_checkpoint_that_is_not_there_is_refused(capsys, tmp_path):
    pytest.importorskip("transformers")
    assert main(["bench", "tabletop", *SMALL, "--model", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.startswith("robotracer bench: ")


def test_help_teaches_by_examples(capsys):
    for command in (("bench",), ("bench", "tabletop"), ("bench", "lifting")):
        with pytest.raises(SystemExit) as left:
            main([*command, "--help"])
        assert left.value.code == 0
        assert "robotracer bench " in capsys.readouterr().out.split("examples:")[1]


@pytest.mark.parametrize("more", [(), ("poker",), ("tabletop", "--mode", "depth"), ("tabletop", "--resolution", "9")])
def test_a_wrong_command_line_exits_with_2(more, capsys):
    with pytest.raises(SystemExit) as left:
        main(["bench", *more])
    assert left.value.code == 2 and "usage: robotracer bench" in capsys.readouterr().err
