"""The made-up comparison as fixtures; every test gets its own."""

from typing import Any

import pytest

import memsim
from tests.studies import made


@pytest.fixture
def card() -> memsim.ChipCard:
    return memsim.ChipCard.load("default")


@pytest.fixture
def summary() -> dict[str, Any]:
    return made.summary()


@pytest.fixture
def sample() -> dict[str, Any]:
    return made.sample()
