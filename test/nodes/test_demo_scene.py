"""Who answers in the demonstration."""

from __future__ import annotations

from argparse import Namespace

import pytest

pytest.importorskip("yaml")

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.nodes import demo_scene


class _Task:
    contacts = "ends"


class _Table:
    task = _Task()


def test_a_copy_without_its_checkpoint_says_so_instead_of_showing_the_truth(monkeypatch, tmp_path):
    monkeypatch.setattr(demo_scene, "shipped_checkpoints", dict)
    asked = Namespace(truth=False, model="")
    with pytest.raises(InvalidRequest, match=r"robotracer-nano did not come with this copy.*--model.*--truth"):
        demo_scene._answering(asked, "put the red block into the blue bowl", _Table(), tmp_path)


def test_the_checkpoint_that_came_along_answers(tmp_path):
    launch, who = demo_scene._answering(Namespace(truth=False, model=""), "push the ball", _Table(), tmp_path)
    assert (launch["backend"], launch["model"]) == ("transformers_local", "robotracer-nano")
    assert "robotracer-nano" in who
