"""The installation without ROS: floors 0 to 3 and the `robotracer` command. With ROS, CMakeLists.txt installs.

`pip install ".[model]"` brings what runs a model here, `".[sim]"` the simulated table, `".[train]"` both and what draws
the curve of a training run.
"""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).resolve().parent
package = ElementTree.parse(here / "package.xml").getroot()

# Where robotracer_ros/checkpoints.py looks: share/robotracer_ros/checkpoints in the prefix, as with ROS.
checkpoints = [
    (f"share/robotracer_ros/{folder}", sorted(str(file) for file in folder.iterdir() if file.is_file()))
    for folder in sorted(path.parent.relative_to(here) for path in here.glob("checkpoints/*/config.json"))
]
setup(
    name="robotracer_ros",
    version=package.findtext("version"),
    description=package.findtext("description"),
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=find_packages(include=["robotracer_ros", "robotracer_ros.*"]),
    package_data={"robotracer_ros": ["py.typed"]},
    data_files=checkpoints,
    install_requires=[
        "numpy>=1.26",
        # cv2 comes under four names on PyPI, and pip knows of no "any of them": this one needs no display library.
        # Where another one is installed, `pip install --no-deps` leaves it alone. 5 changes how images with one channel
        # are handled.
        "opencv-python-headless>=4.6,<5",
        "requests",
        "transforms3d>=0.4",
        "urllib3",
    ],
    # As pip_ros/locks/model.in and sim.in have them, with room for other releases.
    extras_require={
        # transformers needs torchvision and Pillow for the processors of most checkpoints.
        "model": ["torch>=2.4", "torchvision", "transformers>=5", "llguidance", "pillow"],
        # The plots of the demo are matplotlib's.
        "sim": ["mujoco>=3.3", "matplotlib"],
        # Paths for an arm without MoveIt.
        "arm": ["pin>=2.7"],
        "train": ["robotracer_ros[model,sim]"],
    },
    entry_points={"console_scripts": ["robotracer = robotracer_ros.cli:main"]},
)
