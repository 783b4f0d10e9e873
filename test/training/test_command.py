"""`robotracer train`: options from the settings, and errors in one line."""

from __future__ import annotations

import pytest

from robotracer_ros.cli import main
from robotracer_ros.training import command


def test_the_actions_are_told(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["train", "--help"])
    assert ended.value.code == 0
    assert "{data,sft,rft,curve}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["train"], ["train", "bake"], ["train", "data"], ["lift", "--nonsense"]])
def test_wrong_words_are_refused(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


def test_every_field_of_the_settings_is_an_option_with_its_explanation(capsys):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from dataclasses import fields

    from robotracer_ros.training.rft import RftSettings

    with pytest.raises(SystemExit):
        main(["train", "rft", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    for field in fields(RftSettings):
        assert f"--{field.name.replace('_', '-')}" in told
        assert command.attribute_texts(RftSettings.__doc__)[field.name][:20] in told


def test_attribute_texts_join_lines_and_share_names():
    text = "What.\n\n    Attributes:\n        one, two: of both,\n            and more.\n        three: alone.\n    "
    assert command.attribute_texts(text) == {
        "one": "of both, and more.",
        "two": "of both, and more.",
        "three": "alone.",
    }


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["data", "--out", "x", "--scenes", "100"], "multiples"),
        (["data", "--out", "x", "--split", "exam"], "accepted: train"),
        (["curve", "--out", "nowhere"], "no log"),
        (["rft", "--shards", "no", "--out", "x", "--checkpoint", "no"], "no shards"),
        (["rft", "--shards", "no", "--out", "x", "--checkpoint", "no", "--group", "1"], "group must be at least 2"),
        (["rft", "--shards", "no", "--out", "x", "--checkpoint", "no", "--device", "abacus"], "there are: cpu"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_leaves_nothing(words, named, tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    pytest.importorskip("robotracer_ros.sim.stage")
    monkeypatch.chdir(tmp_path)
    assert main(["train", *words]) == 2
    assert named in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_training_from_the_command_line_ends_with_its_curve(shards, checkpoint, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    words = ["--steps", "1", "--questions", "1", "--group", "2", "--answer-tokens", "3", "--no-train-towers"]
    given = ["--shards", str(shards), "--checkpoint", str(checkpoint), "--out", str(tmp_path / "out")]
    assert main(["train", "rft", *given, *words, "--threads", "1"]) == 0
    assert {"curve.png", "log.jsonl", "settings.json", "checkpoint"} <= {
        path.name for path in (tmp_path / "out").iterdir()
    }
