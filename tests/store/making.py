"""Small bundles, sound in every byte, of a model that nobody runs."""

from tapetum import bundle
from tapetum.inference.contract import Contract, Input, ModelSpec
from tapetum.inference.decode import Ssd
from tapetum.inference.probes import Trial
from tapetum_trainer.pack import pack
from tests.bundle.flat import model, tensor

PROVENANCE = bundle.Provenance(licence="Apache-2.0")
TRIAL = Trial("cpu", 2, 7.5)


def packed(version: int, name: str = "street", label: str = "person", card: str = "") -> bytes:
    """Return a bundle of one class."""
    picture = Input(width=2, height=2, scale=1.0, std=(1.0, 1.0, 1.0), mean=(0.0, 0.0, 0.0))
    contract = Contract(input=picture, decoder=Ssd(boxes=0, classes=1, scores=2))
    outputs = [tensor("o", shape, 0) for shape in ((1, 9, 4), (1, 9), (1, 9), (1,))]
    content = model([tensor(), *outputs], [0], [1, 2, 3, 4])
    return pack(ModelSpec(f"{name}@{version}", content, (label,), contract), PROVENANCE, {}, card=card)
