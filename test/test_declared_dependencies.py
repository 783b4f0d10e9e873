"""What the sources import is what package.xml and setup.py name, neither less nor more."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

PACKAGE = "robotracer_ros"
ROS_ROOMS = ("ros", "motion", "nodes")

# Import names whose rosdep key differs; urllib3 comes with requests, as package.xml says.
KEYS = {
    "cv2": "python3-opencv",
    "hypothesis": "python3-hypothesis",
    "numpy": "python3-numpy",
    "pytest": "python3-pytest",
    "requests": "python3-requests",
    "tf2_ros": "tf2_ros_py",
    "transforms3d": "python3-transforms3d",
    "urllib3": "python3-requests",
    "yaml": "python3-yaml",
}
DISTRIBUTIONS = {"cv2": "opencv-python-headless"}
# What only runs, trains or simulates a model: no Debian package holds it, so setup.py names it in extras and not
# package.xml. Those of the third line come with transformers, glfw with MuJoCo.
EXTRAS = {
    "matplotlib": "matplotlib", "mujoco": "mujoco", "torch": "torch",
    "transformers": "transformers", "huggingface_hub": "transformers", "safetensors": "transformers",
    "tokenizers": "transformers", "glfw": "mujoco", "pinocchio": "pin", "PIL": "pillow",
}  # fmt: skip
# Of the extras, what transformers imports, and what is imported by its name in a string.
NOT_SEEN = {"pillow", "torchvision", "llguidance"}
# Used where it is installed, and done without elsewhere.
OPTIONAL = {"cv_bridge"}
# Not imported, but run: by rosidl, by users, by CMake.
TOOLS = {"rosidl_default_runtime", "ros2launch", "ament_cmake_pytest"}


def imported(files: Iterator[Path]) -> set[str]:
    """Top-level names of everything that is imported, the standard library and this package left out."""
    found: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add((node.module or "").partition(".")[0])
    return found - set(sys.stdlib_module_names) - {PACKAGE} - OPTIONAL


def keys(names: set[str]) -> set[str]:
    return {KEYS.get(name, name) for name in names - EXTRAS.keys()}


def declared(repository: Path, *tags: str) -> set[str]:
    root = ElementTree.parse(repository / "package.xml").getroot()
    return {element.text or "" for tag in tags for element in root.iter(tag)}


def needed_by_sources(repository: Path) -> set[str]:
    files = [*(repository / PACKAGE).rglob("*.py"), *(repository / "launch").glob("*.py")]
    return keys(imported(iter(files)))


def needed_by_tests(repository: Path) -> set[str]:
    """What the tests import; those of the stand-ins run only where the stand-ins are."""
    folder = repository / "test"
    files = [file for file in folder.rglob("*.py") if file.relative_to(folder).parts[0] != "pip_ros"]
    own = {path.stem for path in folder.iterdir()} | {"benchmarks"}
    return keys(imported(iter(files)) - own)


def test_what_runs_is_declared_and_what_is_declared_runs(repository: Path) -> None:
    needed = needed_by_sources(repository)
    assert needed - declared(repository, "depend", "exec_depend") == set()
    assert declared(repository, "exec_depend") - needed - TOOLS == set()


def test_what_only_tests_import_is_declared_for_them_alone(repository: Path) -> None:
    needed = needed_by_tests(repository)
    assert needed - declared(repository, "depend", "exec_depend", "test_depend") == set()
    assert declared(repository, "test_depend") - needed - TOOLS == set()
    assert declared(repository, "test_depend") & needed_by_sources(repository) == set()


def keyword_of_setup(repository: Path, name: str) -> Any:
    """The literal that setup.py hands to ``setup`` under ``name``."""
    (value,) = (
        keyword.value
        for keyword in ast.walk(ast.parse((repository / "setup.py").read_text()))
        if isinstance(keyword, ast.keyword) and keyword.arg == name
    )
    return ast.literal_eval(value)


def imported_without_ros(repository: Path) -> set[str]:
    package = repository / PACKAGE
    return imported(file for file in package.rglob("*.py") if file.relative_to(package).parts[0] not in ROS_ROOMS)


def test_the_installation_without_ros_brings_what_the_rooms_without_ros_import(repository: Path) -> None:
    required = {requirement.partition(">")[0] for requirement in keyword_of_setup(repository, "install_requires")}
    needed = imported_without_ros(repository) - EXTRAS.keys()
    assert {DISTRIBUTIONS.get(name, name) for name in needed} == required


def test_the_extras_bring_what_models_training_and_simulation_import(repository: Path) -> None:
    extras = keyword_of_setup(repository, "extras_require")
    brought = {re.split("[>\\[]", requirement)[0] for group in extras.values() for requirement in group} - {PACKAGE}
    needed = {EXTRAS[name] for name in imported_without_ros(repository) & EXTRAS.keys()}
    assert brought - NOT_SEEN == needed


def test_the_type_check_expects_what_it_runs_without(repository: Path) -> None:
    """The check runs before models and simulation are installed; where they are, it would not notice their absence."""
    (modules,) = re.findall(r"^module = (\[.*?\])", (repository / "pyproject.toml").read_text(), re.M | re.S)
    expected = set(ast.literal_eval(modules))
    locks = repository / "pip_ros" / "locks"
    lines = [line for lock in ("core", "dev") for line in (locks / f"{lock}.txt").read_text().split()]
    there = {line.partition("==")[0] for line in lines}
    absent = {name for name in imported_without_ros(repository) & EXTRAS.keys() if EXTRAS[name] not in there}
    assert {f"{name}.*" for name in absent} - expected == set()
