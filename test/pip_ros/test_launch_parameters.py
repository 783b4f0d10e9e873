"""How the launch_ros stand-in reads parameters, beyond the recorded launch files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("ament_index_python", reason="ROS 2 is not on the path")

from hypothesis import given
from hypothesis import strategies as st
from launch.substitutions import LaunchConfiguration, SubstitutionFailure, TextSubstitution
from launch_ros.parameter_descriptions import ParameterFile, ParameterValue

import launch
from launch import LaunchContext

ROOT = Path(__file__).resolve().parents[2]

if ROOT / "pip_ros" not in Path(launch.__file__).resolve().parents:
    pytest.skip("the genuine launch is on the path: nothing to prove", allow_module_level=True)

# Only the stand-in has these modules.
from launch_ros.node_names import joined  # noqa: E402
from launch_ros.node_parameters import parameter_arguments, ready_sources  # noqa: E402
from launch_ros.parameter_file import replaced  # noqa: E402
from launch_ros.parameter_values import evaluate, ready_dict, ready_value  # noqa: E402

V = LaunchConfiguration("v")


def worth(value: Any, v: str = "5") -> Any:
    context = LaunchContext()
    context.launch_configurations["v"] = v
    return evaluate(context, "p", ready_value(value))


scalars = st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


@given(scalars)
def test_plain_values_stay_what_they_are(value: Any) -> None:
    assert worth(value) == value
    assert type(worth(value)) is type(value)


@given(
    st.lists(st.booleans(), min_size=1)
    | st.lists(st.integers(), min_size=1)
    | st.lists(st.floats(allow_nan=False), min_size=1)
    | st.lists(st.text(), min_size=1)
)
def test_lists_of_one_type_stay_what_they_are(values: list[Any]) -> None:
    assert list(worth(values)) == values


@given(scalars)
def test_what_yaml_writes_a_substitution_reads(value: Any) -> None:
    assert worth(V, yaml.safe_dump(value)) == value


@given(st.text())
def test_a_value_said_to_be_text_is_never_read_as_yaml(text: str) -> None:
    assert worth(ParameterValue(V, value_type=str), text) == text


@pytest.mark.parametrize(
    ("value", "text", "result"),
    [
        ([1, 2.5], "", (1.0, 2.5)),
        ([1, V], "5", (1, 5)),
        ([[V, "px"], "b"], "5", ("5px", "b")),
        ([V, "0"], "1", 10),
        ([V], "[1, 2]", (1, 2)),
        (ParameterValue(V, value_type=float), "3", 3.0),
        (ParameterValue(V, value_type=int), "3", 3),
        (ParameterValue(V, value_type=list[float]), "[1, 2.5]", (1.0, 2.5)),
        (ParameterValue(V), "yes", True),
        (ParameterValue([V, "x"], value_type=str), "5", "5x"),
        (ParameterValue("5", value_type=int), "", 5),
    ],
)
def test_values(value: Any, text: str, result: Any) -> None:
    assert worth(value, text) == result
    assert type(worth(value, text)) is type(result)


@pytest.mark.parametrize(
    ("value", "text", "reason"),
    [
        (ParameterValue(V, value_type=int), "1.5", "the parameter's value 1.5 is of type float, not int"),
        (ParameterValue(V, value_type=bool), "1", "the parameter's value 1 is of type int, not bool"),
        (ParameterValue(V, value_type=list[int]), "3", "the parameter's value 3 is not a list of int"),
        (V, "[[1], [2]]", 'Got inconsistent input for "p"'),
    ],
)
def test_values_of_another_type_are_refused(value: Any, text: str, reason: str) -> None:
    with pytest.raises(TypeError) as caught:
        worth(value, text)
    assert reason in str(caught.value)


@pytest.mark.parametrize("value_type", [dict, list[dict], object])
def test_types_that_no_parameter_has_are_refused(value_type: Any) -> None:
    with pytest.raises(TypeError, match="it may be bool, int, float, str or a list of one of these"):
        ParameterValue(V, value_type=value_type)


def test_names_of_nested_dictionaries_are_joined_by_dots() -> None:
    context = LaunchContext()
    ready = ready_dict({"a": {"b": 1, "c": {("d", TextSubstitution(text="e")): 2}}, "f": 3})
    assert {"".join(word.perform(context) for word in name): value for name, value in ready} == {
        "a.b": 1,
        "a.c.de": 2,
        "f": 3,
    }


def test_temporary_files_live_as_long_as_the_launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    context = LaunchContext()
    arguments = parameter_arguments(context, ready_sources([{"a": 1}, {"a": 2}]), "/ns/node", "test")
    assert [yaml.safe_load(Path(path).read_text()) for path in arguments[1::2]] == [
        {"/ns/node": {"ros__parameters": {"a": value}}} for value in (1, 2)
    ]
    context.clean_up()
    assert list(tmp_path.iterdir()) == []


def test_placeholders_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "a b")
    context = LaunchContext()
    context.launch_configurations["v"] = "5"
    text = "v: $(var v) # $5 (x)\nw: $(env WORD)\nx: $(var nope 'd e')\ny: $(env NOPE 7)\n"
    assert replaced(text, context) == "v: 5 # $5 (x)\nw: a b\nx: d e\ny: 7\n"
    file = tmp_path / "p.yaml"
    file.write_text(text)
    (flag, path) = parameter_arguments(context, ready_sources([ParameterFile(file)]), "/**", "test")
    assert (flag, path) == ("--params-file", str(file))


@pytest.mark.parametrize("placeholder", ["$(eval 1 + 1)", "$(var)", "$()", "$(var a b c)"])
def test_other_placeholders_are_refused(placeholder: str) -> None:
    with pytest.raises(SubstitutionFailure, match=r"is not known; there are \$\(var NAME \[DEFAULT\]\), \$\(env"):
        replaced(f"a: {placeholder}", LaunchContext())


def test_parameters_of_another_kind_are_refused() -> None:
    with pytest.raises(TypeError, match="dictionaries and paths of YAML files, but got '5'"):
        ready_sources([5])


namespaces = st.lists(st.sampled_from(["a", "b2", "_c"]), max_size=3).map("/".join)


@given(namespaces, namespaces, namespaces)
def test_joining_namespaces_is_associative(a: str, b: str, c: str) -> None:
    assert joined(joined(a, b), c) == joined(a, (joined(b, c) or "").removeprefix("/"))


@given(namespaces, namespaces)
def test_an_absolute_namespace_stands_for_itself(a: str, b: str) -> None:
    assert joined(a, f"/{b}") == f"/{b}"
