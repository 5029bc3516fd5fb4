"""Ray, started for one command on this machine; or a cluster that is there, where `RAY_ADDRESS` names one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_QUIETLY = {"RAY_TRAIN_ENABLE_PRINT_PATCH": "0", "RAY_COLOR_PREFIX": "0"}
"""Lines are printed once, by who prints them, and not once more by Ray's log."""


@contextmanager
def cluster(processes: int) -> Iterator[int]:
    """Have Ray within the block, with room for so many processes; gives the number of GPUs in the cluster.

    Raises ModuleNotFoundError where it is not installed.
    """
    import ray  # noqa: PLC0415  an extra

    for name, value in _QUIETLY.items():
        os.environ.setdefault(name, value)
    of_its_own = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": max(processes, os.cpu_count() or 1)}
    quiet = ray.LoggingConfig(log_level="ERROR")
    ray.init(**of_its_own, include_dashboard=False, logging_config=quiet, logging_level="ERROR")
    try:
        yield int(ray.cluster_resources().get("GPU", 0))
    finally:
        ray.shutdown()
