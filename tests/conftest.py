"""What every test may ask for."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("whatever machine", deadline=None)  # how long an example takes is the machine's, not ours
settings.load_profile("whatever machine")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data with ground truth, or a skip where it is absent."""
    folder = os.environ.get("TAPETUM_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("TAPETUM_DATA names no folder: the real data sets are not here")
    return Path(folder)
