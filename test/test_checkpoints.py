"""Shipped checkpoints are found beside the sources, in an installation, and through links."""

from __future__ import annotations

import pytest

from robotracer_ros.checkpoints import checkpoint_folder, shipped_checkpoints
from robotracer_ros.errors import InvalidRequest


def made(folder):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    return folder


def module(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "checkpoints.py").write_text("")
    return folder / "checkpoints.py"


def test_beside_the_sources(tmp_path):
    folder = made(tmp_path / "checkpoints" / "robotracer-nano")
    assert checkpoint_folder("robotracer-nano", module(tmp_path / "robotracer_ros")) == folder


def test_in_the_share_of_an_installation(tmp_path):
    folder = made(tmp_path / "share" / "robotracer_ros" / "checkpoints" / "robotracer-nano")
    start = module(tmp_path / "lib" / "python3.12" / "site-packages" / "robotracer_ros")
    assert checkpoint_folder("robotracer-nano", start) == folder


def test_a_linked_installation_finds_the_sources(tmp_path):
    folder = made(tmp_path / "src" / "checkpoints" / "robotracer-nano")
    source = module(tmp_path / "src" / "robotracer_ros")
    link = tmp_path / "install" / "lib" / "checkpoints.py"
    link.parent.mkdir(parents=True)
    link.symlink_to(source)
    assert checkpoint_folder("robotracer-nano", link) == folder


def test_the_nearer_of_two_counts(tmp_path):
    made(tmp_path / "checkpoints" / "nano")
    near = made(tmp_path / "inner" / "checkpoints" / "nano")
    assert shipped_checkpoints(module(tmp_path / "inner" / "robotracer_ros"))["nano"] == near


def test_a_folder_without_a_configuration_is_none_and_others_are_named(tmp_path):
    (tmp_path / "checkpoints" / "empty").mkdir(parents=True)
    made(tmp_path / "checkpoints" / "micro")
    start = module(tmp_path / "robotracer_ros")
    with pytest.raises(InvalidRequest, match=r"'empty' .*there are: .*micro"):
        checkpoint_folder("empty", start)
