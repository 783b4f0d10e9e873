"""rclpy for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import rclpy
from nodes.harness import Client


@pytest.fixture(scope="module", autouse=True)
def ros() -> Iterator[None]:
    rclpy.init()
    yield
    rclpy.try_shutdown()


@pytest.fixture
def client(ros: None) -> Iterator[Client]:
    one = Client()
    yield one
    one.close()
