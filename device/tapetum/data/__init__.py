"""What ships with the package: a clip for the first run, and the reference configuration."""

from pathlib import Path

_HERE = Path(__file__).parent
_CHECKOUT = _HERE.parents[2] / "firmware-config"


def clip() -> Path:
    """Return the clip: 20 s of people walking before a real outdoor camera (see NOTICE)."""
    return _HERE / "street.mp4"


def reference_config() -> Path:
    """Return the commented reference `tapetum.toml`, from the package or from the checkout it runs in."""
    packed = _HERE / "tapetum.toml"
    return packed if packed.is_file() else _CHECKOUT / "tapetum.toml"
