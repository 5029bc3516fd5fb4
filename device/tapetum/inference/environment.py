"""What the worker gets of the daemon's environment: what its program and its drivers are found and set by.

Nothing else: a password of the broker may stand there, and a model that takes its worker over could read it.
"""

from collections.abc import Mapping

_NAMES = frozenset({"PATH", "HOME", "TZ", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "GLIBC_TUNABLES"})
_BEGINNINGS = (
    *("LC_", "PYTHON", "MALLOC_", "OPENBLAS_", "OMP_"),  # Python, the C library, NumPy
    *("VK_", "XDG_CONFIG_", "XDG_DATA_", "XDG_RUNTIME_DIR", "LIBGL_", "MESA_"),  # Vulkan's loader, Mesa's drivers
    *("EDGETPU_", "CUDA_", "NVIDIA_"),  # libedgetpu, a Jetson's drivers
)
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # NumPy would start more, and none has work


def of_worker(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the worker's environment, where that of the daemon is `environment`."""
    allowed = {name: value for name, value in environment.items() if name in _NAMES or name.startswith(_BEGINNINGS)}
    return allowed | _ONE_THREAD
