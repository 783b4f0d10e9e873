"""The installation without ROS: floors 0 to 3 and the `robotracer` command. With ROS, CMakeLists.txt installs."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).resolve().parent
package = ElementTree.parse(here / "package.xml").getroot()

setup(
    name="robotracer_ros",
    version=package.findtext("version"),
    description=package.findtext("description"),
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=find_packages(include=["robotracer_ros", "robotracer_ros.*"]),
    package_data={"robotracer_ros": ["py.typed"]},
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
    entry_points={"console_scripts": ["robotracer = robotracer_ros.cli:main"]},
)
