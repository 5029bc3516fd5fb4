"""What every test may ask for."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does, before anything imports NumPy

settings.register_profile("whatever machine", deadline=None)  # how long an example takes is the machine's, not ours
settings.load_profile("whatever machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that may take longest, or one of them would be left for the end, and half of the machine."""
    longest_s: dict[Path, float] = {}
    for item in items:
        allowed = item.get_closest_marker("timeout")
        longest_s[item.path] = max(longest_s.get(item.path, 0), allowed.args[0] if allowed else 0)
    items.sort(key=lambda item: -longest_s[item.path])


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """Take away what a command that was called logs to: the test's standard error, which is closed behind it."""
    before = set(logging.getLogger().handlers)
    yield
    for handler in set(logging.getLogger().handlers) - before:
        logging.getLogger().removeHandler(handler)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data with ground truth, or a skip where it is absent."""
    folder = os.environ.get("TAPETUM_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("TAPETUM_DATA names no folder: the real data sets are not here")
    return Path(folder)
