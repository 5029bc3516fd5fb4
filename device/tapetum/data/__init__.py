"""What ships with the package: a clip for the first run, a detector, and the reference configuration."""

from pathlib import Path

_HERE = Path(__file__).parent
_CHECKOUT = _HERE.parents[2]
_DETECTOR = "tapetum@3.tapetum"


def clip() -> Path:
    """Return the clip: 20 s of people walking before a real outdoor camera (see NOTICE)."""
    return _HERE / "street.mp4"


def detector() -> Path:
    """Return the bundle of the detector that comes along, from the package or from the checkout it runs in."""
    return _packed_or(_CHECKOUT / "models/bundles" / _DETECTOR)


def reference_config() -> Path:
    """Return the commented reference `tapetum.toml`, from the package or from the checkout it runs in."""
    return _packed_or(_CHECKOUT / "firmware-config/tapetum.toml")


def _packed_or(source: Path) -> Path:
    packed = _HERE / source.name
    return packed if packed.is_file() else source
