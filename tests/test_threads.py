"""What works in one thread, so that it leaves the other cores alone and waits for none of them."""

import os
import subprocess
import sys

_PROGRAM = """
import os, sys
import tapetum.cli
assert "numpy" not in sys.modules, "it would have begun with as many threads as there are cores"
sys.argv = ["tapetum", "--version"]
try:
    tapetum.cli.main()
finally:
    print("threads:", os.environ.get("OPENBLAS_NUM_THREADS"))
"""


def test_numpy_is_told_to_use_one_thread_before_it_is_imported() -> None:
    own = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    ran = subprocess.run([sys.executable, "-c", _PROGRAM], env=own, capture_output=True, text=True, check=True)
    assert "threads: 1" in ran.stdout
