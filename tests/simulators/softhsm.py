"""A hardware token without the hardware: SoftHSM 2, which any PKCS#11 library's user takes for one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PIN, OFFICER = "135790", "24680246"
_LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so")
_MAKING = """
import sys
import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism
from pkcs11.util import ec
token = pkcs11.lib(sys.argv[1]).get_token(token_label=sys.argv[2])
with token.open(rw=True, user_pin=sys.argv[3]) as session:
    curve = {Attribute.EC_PARAMS: ec.encode_named_curve_parameters(sys.argv[5])}
    parameters = session.create_domain_parameters(KeyType.EC, curve, local=True)
    parameters.generate_keypair(mechanism=Mechanism.EC_KEY_PAIR_GEN, id=bytes([int(sys.argv[4])]), store=True)
"""


def library() -> str:
    """Return SoftHSM's PKCS#11 library; skips where something is missing."""
    pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed")
    of_machines = sorted(map(str, Path("/usr/lib").glob("*/softhsm/libsofthsm2.so")))
    there = next((path for path in (*_LIBRARIES, *of_machines) if Path(path).is_file()), None)
    if there is None or not shutil.which("softhsm2-util"):
        pytest.skip("SoftHSM is missing: apt install softhsm2")
    return there


class SoftHsm:
    """Tokens in a folder; who uses them must have `environment`."""

    def __init__(self, folder: Path) -> None:
        self.library = library()
        (folder / "tokens").mkdir(parents=True)
        config = folder / "softhsm2.conf"
        config.write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
        self.environment = {"SOFTHSM2_CONF": str(config)}

    def token(self, label: str) -> None:
        """Make a token without keys."""
        self._run("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", OFFICER)

    def key(self, label: str, number: int = 2, curve: str = "secp256r1") -> None:
        """Have a token make a key."""
        self._run(sys.executable, "-c", _MAKING, self.library, label, PIN, str(number), curve)

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            command, env=os.environ | self.environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
