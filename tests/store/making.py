"""Small bundles, sound in every byte, of a model that nobody runs."""

from tapetum import bundle
from tapetum.inference.contract import Contract, Input, ModelSpec
from tapetum.inference.decode import Ssd
from tapetum.inference.probes import Trial
from tapetum_trainer.pack import pack
from tests.bundle.flat import model, tensor

PROVENANCE = bundle.Provenance(licence="Apache-2.0")
TRIAL = Trial("cpu", 2, 7.5)


def packed(version: int, name: str = "street", label: str = "person") -> bytes:
    """Return a bundle of one class."""
    picture = Input(width=2, height=2, scale=1.0, std=(1.0, 1.0, 1.0), mean=(0.0, 0.0, 0.0))
    contract = Contract(input=picture, decoder=Ssd(boxes=0, classes=1, scores=2))
    return pack(ModelSpec(f"{name}@{version}", model([tensor()]), (label,), contract), PROVENANCE, {})
