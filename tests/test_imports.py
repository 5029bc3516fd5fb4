"""Who imports whom, who starts threads and processes, and what must not be installed: read from the sources."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tapetum
import tapetum_trainer

DEVICE = Path(tapetum.__file__).parent
MODELS = Path(tapetum_trainer.__file__).parent
SOURCES = sorted(DEVICE.rglob("*.py"))

STAGES = frozenset({"capture", "motion", "tracking", "enhance", "inference", "alerts"})
LAYERS = {
    "values": {
        "buffers", "clock", "colour", "config_errors", "data", "durable", "ending", "errors", "heap", "inventory",
        "latest", "lock", "network", "progress", "scene", "settings", "systemd", "text", "zones",
    },
    "stages": STAGES,
    "bundles": {"bundle"},
    "trials": {"install"},
    "records": {"record"},
    "slots": {"store"},
    "updates": {"update"},
    "flow": {"config", "pipeline"},
    "what runs": {
        "camera", "drawing", "health", "installing", "intake", "ledger", "outlet", "replay", "switch", "unnamed",
    },
    "daemon": {"daemon"},
    "doctor": {"doctor"},
    "commands": {"bench", "cli", "commands", "__main__"},
}  # fmt: skip
"""Every part of the package; each imports what stands above it, and of its own layer what OWN_LAYER allows."""
OWN_LAYER = frozenset({"values", "what runs", "commands"})
"""Layers whose parts may import each other. A stage never imports another stage."""

STARTERS = {
    "daemon.py": "the threads of everything that runs",
    "replay.py": "the worker's thread, where no daemon is",
    "capture/pipe.py": "the command whose output is the camera",
    "inference/process.py": "the worker, which a model may take down",
    "update/process.py": "what fetches updates, which reads what nobody has vouched for",
    "commands/run.py": "the one who shows the alerts of a first run",
    "bench/delivery.py": "the broker, to kill it",
    "bench/supervisor.py": "a camera and its analysis, that go on while the worker fails",
    "bench/memory.py": "the daemon as a process, to measure it from outside",
}
"""Modules that start a thread or a process, with the reason."""
STARTING_MODULES = frozenset({"subprocess", "multiprocessing", "concurrent", "asyncio", "_thread", "pty"})
STARTING_CALLS = (
    "threading.Thread",
    "threading.Timer",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.exec",
    "os.system",
    "os.popen",
)

OF_THE_TRAINER = (
    "tapetum.__version__",
    "tapetum.config_errors",
    "tapetum.data",
    "tapetum.progress",
    "tapetum.errors",
    "tapetum.settings",
    "tapetum.inference.tflite",
    "tapetum.scene",
    "tapetum.bundle",
    "tapetum.inference.settings",
    "tapetum.inference.contract",
    "tapetum.inference.crops",
    "tapetum.inference.labels",
    "tapetum.inference.probes",
    "tapetum.inference.tensors",
    "tapetum.inference.preprocess",
    "tapetum.inference.decode",
    "tapetum.enhance",
    "tapetum.alerts.broker",
    "tapetum.alerts.connection",
    "tapetum.durable",
    "tapetum.inventory",
    "tapetum.text",
    "tapetum.update.contracts",
    "tapetum.update.offer",
    "tapetum.update.repository",
)
"""What the trainer takes from the device: what both must do in the same way."""

OF_A_BUNDLE = {
    f"tapetum.inference.{name}" for name in ("contract", "decode", "labels", "settings", "tensors")
}  # fmt: skip
"""What a bundle takes from the stages: how a model is described, and nothing that runs it."""

OPTIONAL = (
    "av",
    "iotcore",
    "picamera2",
    "libcamera",
    "motmetrics",
    "edgefirst",
    "ai_edge_litert",
    "tflite_runtime",
    "tuf",
    "securesystemslib",
    "cryptography",
)
"""Extras, what apt brings on a Pi, and the runtime, which only the worker loads."""


OF_RAY = {"tapetum_trainer.scale.trials", "tapetum_trainer.scale.worker"}
"""Modules that are imported where Ray is, and by nothing else before."""
OF_TUF = {f"tapetum.update.{name}" for name in ("child", "fetchers", "trust")} | {
    f"tapetum_trainer.{name}"
    for name in (
        "publish.ceremony", "publish.desk", "publish.home", "publish.keys", "publish.repository", "publish.ring",
        "publish.signing", "publish.tokens",
        "rollout.beginning", "rollout.desk", "rollout.driver", "rollout.signing",
    )
}  # fmt: skip
"""Modules that are imported where python-tuf is: on a device in a process of its own."""


def imported(path: Path) -> Iterator[str]:
    """Yield the full name of everything that the module imports, at its top or within a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are written out in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parts(path: Path) -> set[str]:
    """Return the parts of `tapetum` that the module imports; its own is the first level of its path."""
    return {name.split(".")[1] for name in imported(path) if name.startswith("tapetum.")} - {"__version__"}


def part_of(path: Path) -> str:
    return path.relative_to(DEVICE).parts[0].removesuffix(".py")


def allowed(part: str) -> set[str]:
    """Return what `part` may import."""
    layers = list(LAYERS)
    own = next(layer for layer in layers if part in LAYERS[layer])
    above = set().union(*(LAYERS[layer] for layer in layers[: layers.index(own)]))
    return above | {part} | (LAYERS[own] if own in OWN_LAYER else set())


def test_every_part_has_its_layer() -> None:
    assert {part_of(path) for path in SOURCES} - {"__init__"} <= set().union(*LAYERS.values())


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(DEVICE)))
def test_a_module_imports_only_what_stands_above_it(path: Path) -> None:
    if part_of(path) == "__init__":
        assert not parts(path)
    else:
        assert parts(path) <= allowed(part_of(path))


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_a_stage_never_imports_another_stage(stage: str) -> None:
    found = set().union(*(parts(path) for path in (DEVICE / stage).rglob("*.py")))
    assert not found & (STAGES - {stage})


def test_a_bundle_imports_what_describes_a_model_and_nothing_that_runs_it() -> None:
    names = {name for path in (DEVICE / "bundle").rglob("*.py") for name in imported(path)}
    of_stages = {
        ".".join(name.split(".")[:3]) for name in names if name.split(".")[1:2] and name.split(".")[1] in STAGES
    }
    assert {"tapetum.inference.labels" if name == "tapetum.inference" else name for name in of_stages} == OF_A_BUNDLE


def test_the_device_never_imports_the_trainer() -> None:
    assert [path for path in SOURCES if any(name.startswith("tapetum_trainer") for name in imported(path))] == []


def test_the_trainer_imports_of_the_device_only_what_both_must_do_alike() -> None:
    for path in MODELS.rglob("*.py"):
        found = {name for name in imported(path) if name.startswith("tapetum.")}
        assert {name for name in found if not name.startswith(OF_THE_TRAINER)} == set(), path


def starts(path: Path) -> bool:
    """Whether the module can start a thread or a process: by its imports, or by calling what does."""
    names = set(imported(path)) | {
        f"{node.func.value.id}.{node.func.attr}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
    }
    return any(name.split(".")[0] in STARTING_MODULES or name.startswith(STARTING_CALLS) for name in names)


def test_only_the_daemon_starts_threads_and_processes_but_for_a_few_with_a_reason() -> None:
    found = {str(path.relative_to(DEVICE)) for path in SOURCES if starts(path)}
    assert found == set(STARTERS)


def run(code: str) -> str:
    """Run `code` in a new interpreter; return what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_imports_with_no_camera_broker_or_accelerator_installed() -> None:
    paths = [(path, DEVICE) for path in SOURCES] + [(path, MODELS) for path in MODELS.rglob("*.py")]
    names = [".".join(path.relative_to(root.parent).with_suffix("").parts) for path, root in paths]
    modules = [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]
    modules = [name for name in modules if name not in OF_RAY | OF_TUF]
    failures = run(f"""
import importlib, importlib.abc, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {OPTIONAL}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
for name in {modules}:
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(name, error)
""")
    assert failures == ""


def test_the_command_line_answers_without_loading_what_is_heavy() -> None:
    loaded = run("import sys, tapetum.cli; print(*sorted(sys.modules))").split()
    assert not {"numpy", "cv2", "msgspec", "paho", "ai_edge_litert"} & set(loaded)
