"""What a model can run on: a union of settings, of which a chain is made that is tried in its order."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, field

from tapetum.settings import Settings

_OF_A_DRIVER = (
    "/dev/dri", "/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-modeset", "/usr", "/lib", "/etc/vulkan", "/proc/self",
    "/proc/driver", "/proc/cpuinfo", "/proc/meminfo", "/sys/dev", "/sys/devices", "/sys/class/drm",
)  # fmt: skip
"""Where Mesa's and NVIDIA's drivers for Vulkan look; not tried with a GPU, and a Jetson's has more in /dev."""


class Cpu(Settings, tag_field="type", tag="cpu", frozen=True):
    """The processor, with XNNPACK."""

    threads: Annotated[int, Meta(ge=1, le=16)] = 1  # more than one seldom helps a quantized model


class EdgeTpu(Settings, tag_field="type", tag="edgetpu", frozen=True):
    """A Coral accelerator, by libedgetpu. The model must be compiled for it, or none of it runs there."""

    library: str = "libedgetpu.so.1"
    device: str = ""  # "usb", "pci", "usb:0", ...; "": the first there is


class Gpu(Settings, tag_field="type", tag="gpu", frozen=True):
    """A graphics processor with Vulkan, by the WebGPU accelerator that comes with LiteRT."""

    files: tuple[str, ...] = _OF_A_DRIVER  # what its driver may still open


class Delegate(Settings, tag_field="type", tag="delegate", frozen=True):
    """Any other: a library with the external delegate's interface (tflite_plugin_create_delegate)."""

    library: str
    options: dict[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()  # what it may still open once the model is there


Accelerator = Cpu | EdgeTpu | Gpu | Delegate


def names(chain: Sequence[Accelerator]) -> list[str]:
    """Return a name for each: its type, and a number from the second of the same type on."""
    types = [type_of(one) for one in chain]
    counts = [types[:index].count(name) for index, name in enumerate(types)]
    return [f"{name}-{count + 1}" if count else name for name, count in zip(types, counts, strict=True)]


def type_of(accelerator: Accelerator) -> str:
    """Return what `type` says in the configuration."""
    return str(accelerator.__struct_config__.tag)
