"""The parts of the launch stand-in answer as the genuine ones were recorded to answer, row by row of the tables.

Each row of launch.json's tables is an expression with its value or with the class, module and text of its error. Left
out are the rows and columns about what the stand-in lacks because this package's launch files do not call it: And-,
Or-, Not-, Any-, All-, IfElse-, Equals- and NotEqualsSubstitution, LaunchConfigurationEquals and -NotEquals,
FindExecutable, FileContent. `test_launch_cases.py` holds whole launch files to the same record.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ament_index_python", reason="ROS 2 is not on the path")

import launch.actions
import launch.conditions
import launch.launch_description_sources
import launch.substitutions
import launch_ros.actions
import launch_ros.substitutions
from launch.conditions import IfCondition, UnlessCondition
from launch.substitutions import LaunchConfiguration, PythonExpression, SubstitutionFailure

import launch
from launch import LaunchContext

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT.parent / "shared" / "golden" / "tf_launch" / "launch.json"

if ROOT / "pip_ros" not in Path(launch.__file__).resolve().parents:
    pytest.skip("the genuine launch is on the path: nothing to prove", allow_module_level=True)
if not RECORD.exists():
    pytest.skip(f"no record at {RECORD.relative_to(ROOT.parent)}", allow_module_level=True)

RECORDED = json.loads(RECORD.read_text(encoding="utf-8"))
TABLES = RECORDED["tables"]
NAMES = {
    name: getattr(module, name)
    for module in (
        launch,
        launch.actions,
        launch.conditions,
        launch.substitutions,
        launch_ros.actions,
        launch_ros.substitutions,
    )
    for name in module.__all__
}
LACKING = re.compile(
    "(And|Or|Not|Any|All|IfElse|Equals|NotEquals)Substitution|LaunchConfiguration(Not)?Equals|FindExecutable|FileContent"
)
# Rows that the record abbreviates.
WRITTEN_OUT = {
    "Command(..., on_stderr='ignore')": "Command('sh -c \"echo err >&2; echo out\"', on_stderr='ignore')",
    "ThisLaunchFileDir() outside a file": "ThisLaunchFileDir()",
}


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The prefix of the recorded package golden_demo, which ament_index_python finds; logs go below it too."""
    prefix = tmp_path_factory.mktemp("prefix")
    index = prefix / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    (index / "golden_demo").touch()
    for path, text in RECORDED["package_files"].items():
        (prefix / path).parent.mkdir(parents=True, exist_ok=True)
        (prefix / path).write_text(text, encoding="utf-8")
        (prefix / path).chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMENT_PREFIX_PATH", os.pathsep.join([str(prefix), os.environ.get("AMENT_PREFIX_PATH", "")]))
        patch.setenv("ROS_LOG_DIR", str(prefix / "log"))
        patch.setenv("GOLD_ENV", "val")
        yield prefix


def outcome_of(call: Callable[[], Any], prefix: Path) -> dict[str, Any]:
    """What `call` gives or raises, as the record describes it."""
    try:
        value = call()
    except Exception as error:  # noqa: BLE001 - any error is an outcome that the record may hold
        kind = type(error)
        return {
            "exception": kind.__name__,
            "module": kind.__module__,
            "message": comparable(str(error).replace(str(prefix), "<PREFIX>")),
        }
    return {"value": value.replace(str(prefix), "<PREFIX>") if isinstance(value, str) else value}


def comparable(message: str) -> str:
    message = re.sub(r"0x(<ADDR>|[0-9a-f]+)", "0x<ADDR>", message)
    return re.sub(r"searching: \[.*\]", "searching: [...]", message)


def expected(outcome: dict[str, Any]) -> dict[str, Any]:
    return {key: comparable(value) if key == "message" else value for key, value in outcome.items()}


def evaluated(expression: str) -> Any:
    """The recorded expression's worth. The record is the tests' own data, so evaluating it is safe."""
    return eval(expression, {"launch": launch}, NAMES)  # noqa: S307


def context_with(**configurations: str) -> LaunchContext:
    context = LaunchContext()
    context.launch_configurations.update(configurations)
    return context


CONDITIONS = TABLES["conditions"]["rows"]


@pytest.mark.parametrize("condition", [IfCondition, UnlessCondition])
@pytest.mark.parametrize("row", CONDITIONS, ids=[repr(row["value"]) for row in CONDITIONS])
def test_condition_of_a_launch_configuration(row: dict[str, Any], condition: type[IfCondition], prefix: Path) -> None:
    context = context_with(x=row["value"])
    outcome = outcome_of(lambda: condition(LaunchConfiguration("x")).evaluate(context), prefix)
    assert outcome == expected(row[condition.__name__])


CONSTRUCTED = TABLES["conditions"]["constructed_with_other_types"]


@pytest.mark.parametrize("row", CONSTRUCTED, ids=[row["constructed_with"] for row in CONSTRUCTED])
def test_condition_of_other_types(row: dict[str, Any], prefix: Path) -> None:
    argument = evaluated(row["constructed_with"])
    outcome = outcome_of(lambda: IfCondition(argument).evaluate(LaunchContext()), prefix)
    assert outcome == expected(row["outcome"])


EXPRESSIONS = TABLES["python_expression"]["rows"]


def words_of(expression: list[str]) -> list[Any]:
    return [LaunchConfiguration("x") if word.startswith("LaunchConfiguration(x)") else word for word in expression]


@pytest.mark.parametrize("row", EXPRESSIONS, ids=["".join(row["expression"]) for row in EXPRESSIONS])
def test_python_expression(row: dict[str, Any], prefix: Path) -> None:
    expression = PythonExpression(words_of(row["expression"]))
    context = context_with(x="a")
    assert outcome_of(lambda: expression.perform(context), prefix) == expected(row["default_modules"])
    assert outcome_of(lambda: IfCondition(expression).evaluate(context), prefix) == expected(row["in_IfCondition"])


WITH_MODULES = TABLES["python_expression"]["with_python_modules"]


@pytest.mark.parametrize("row", WITH_MODULES, ids=[f"{r['expression']}-{r['python_modules']}" for r in WITH_MODULES])
def test_python_expression_with_modules(row: dict[str, Any], prefix: Path) -> None:
    expression = PythonExpression([row["expression"]], row["python_modules"])
    assert outcome_of(lambda: expression.perform(LaunchContext()), prefix) == expected(row["outcome"])


SUBSTITUTIONS = [row for row in TABLES["substitutions"] if not LACKING.match(row["expression"])]


@pytest.mark.parametrize("row", SUBSTITUTIONS, ids=[row["expression"] for row in SUBSTITUTIONS])
def test_substitution(row: dict[str, Any], prefix: Path) -> None:
    expression = WRITTEN_OUT.get(row["expression"], row["expression"])
    if expression.startswith("StringJoinSubstitution"):
        expression = f"launch.substitutions.{expression}"
    context = context_with(a="1", b="1", c="2", e="", f="1.0", t="true", T="True")
    assert outcome_of(lambda: evaluated(expression).perform(context), prefix) == expected(row["outcome"])


CONSTRUCTORS = TABLES["constructors"]


@pytest.mark.parametrize("row", CONSTRUCTORS, ids=[row["expression"] for row in CONSTRUCTORS])
def test_constructor(row: dict[str, Any], prefix: Path) -> None:
    outcome = outcome_of(lambda: type(evaluated(row["expression"])).__name__, prefix)
    assert outcome == expected(row["outcome"])


def test_what_is_left_out_is_lacking() -> None:
    assert not [name for name in NAMES if LACKING.fullmatch(name)]


def test_command_can_capture_what_is_written_to_standard_error() -> None:
    both = launch.substitutions.Command("sh -c 'echo err >&2; echo out'", on_stderr="capture")
    assert sorted(both.perform(LaunchContext()).splitlines()) == ["err", "out"]


def test_command_refuses_another_way_to_treat_standard_error() -> None:
    with pytest.raises(SubstitutionFailure, match=r"one of \['fail', 'ignore', 'warn', 'capture'\], got 'shout'"):
        launch.substitutions.Command("true", on_stderr="shout").perform(LaunchContext())
