"""What a model is made of may be under terms that whoever passes it on must know: its card tells them."""

import pytest

from tapetum import bundle
from tapetum.bundle import Provenance, Source
from tapetum_trainer.card import made_of
from tapetum_trainer.folded import Start, start_of
from tapetum_trainer.licences import remarks

FREE = ["Apache-2.0", "MIT", "BSD-3-Clause", "CC BY 4.0", "CC0-1.0", "CC-BY-4.0", "public domain", "mine", "my own"]


@pytest.mark.parametrize("licence", FREE)
def test_of_what_asks_only_to_be_named_nothing_is_told(licence: str):
    assert list(remarks([Source(name="yard", licence=licence)])) == []


@pytest.mark.parametrize(
    ("licence", "told"),
    [
        ("CC BY-NC 4.0", "non-commercial"),
        ("for non-commercial use", "non-commercial"),
        ("AGPL-3.0", "copyleft"),
        ("GPL-2.0-only", "copyleft"),
        ("LGPL-3.0", "copyleft"),
        ("CC BY-SA 4.0", "share-alike"),
        ("ODbL", "share-alike"),
        ("CC BY-ND 4.0", "nothing that is made of it"),
        ("Apache-2.0 for non commercial use", "non-commercial"),
        ("academic use only; MIT", "for research"),
        ("their own licence, ask them", "no licence that is known here"),
        ("research", "for research"),
        ("pictures: Flickr terms; labels: CC BY 4.0", "its pictures are their owners'"),
        ("see its repository", "no licence that is known here"),
        ("not said", "no licence that is known here"),
    ],
)
def test_what_asks_for_more_is_told(licence: str, told: str):
    (found,) = remarks([Source(name="street", licence=licence)])
    assert found.startswith("street: ")
    assert told in found


def test_all_that_is_asked_is_told():
    told = list(remarks([Source(name="street", licence="CC BY-NC-SA 4.0")]))
    assert [one.split(":")[1] for one in told] == [" non-commercial", " share-alike"]


def test_the_card_tells_them_under_what_the_model_is_made_of():
    sources = [Source(name=name, licence="research") for name in ("TUD", "OTB")]
    lines = list(made_of(Provenance(licence="Apache-2.0", sources=(*sources, Source(name="mine", licence="mine")))))
    assert lines[-1] == "* TUD; OTB: given away for research; whoever sells it asks its makers"
    assert not any("pass it on" in line or "passes it on" in line for line in made_of(Provenance(licence="MIT")))


def test_a_model_that_goes_on_from_another_is_made_of_all_that_one_was_made_of():
    old = bundle.open("models/bundles/tapetum@3.tapetum")
    mine = Source(name="my yard", licence="mine")
    sources = start_of(old).after([mine])
    assert sources[:2] == (mine, Source(name="tapetum@3, which it goes on from", licence="Apache-2.0"))
    assert sources[2:] == old.manifest.provenance.sources
    assert Start(b"", (), sources).after([mine]) == sources, "each is named once"
