"""Ray, started for one command on this machine; or a cluster that is there, where `RAY_ADDRESS` names one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tapetum_trainer.errors import TrainerError

_QUIETLY = {"RAY_TRAIN_ENABLE_PRINT_PATCH": "0", "RAY_COLOR_PREFIX": "0"}
"""Lines are printed once, by who prints them, and not once more by Ray's log."""


@contextmanager
def cluster(processes: int) -> Iterator[int]:
    """Have Ray within the block, with room for so many processes; gives the number of GPUs in the cluster.

    Raises ModuleNotFoundError where it is not installed, TrainerError where it does not start.
    """
    import ray  # noqa: PLC0415  an extra

    for name, value in _QUIETLY.items():
        os.environ.setdefault(name, value)
    of_its_own = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": max(processes, os.cpu_count() or 1)}
    quiet = ray.LoggingConfig(log_level="ERROR")
    try:
        ray.init(**of_its_own, include_dashboard=False, logging_config=quiet, logging_level="ERROR")
    except Exception as error:
        ray.shutdown()
        raise TrainerError(_not_started(error)) from error
    try:
        yield int(ray.cluster_resources().get("GPU", 0))
    finally:
        ray.shutdown()


def _not_started(error: Exception) -> str:
    """Return why there is no cluster, and what to do. Ray raises plain Exception where it waited too long."""
    told, address = " ".join(str(error).split())[:200] or type(error).__name__, os.environ.get("RAY_ADDRESS")
    busy = "is the machine too busy? try again, or with fewer --workers"
    return f"Ray did not start: {told}; {f'is there a cluster at RAY_ADDRESS={address}?' if address else busy}"
