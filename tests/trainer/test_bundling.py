"""A bundle made by itself is one that a device takes, with thresholds that were chosen and probes that it answers."""

import numpy as np
import pytest

from tapetum import bundle
from tapetum.bundle import Provenance, Source
from tapetum.errors import Unsuitable
from tapetum.inference.contract import Expected, ModelSpec
from tapetum.inference.probes import check
from tapetum.inference.tflite import Detector
from tapetum_trainer.bundling import Bundled, Bundling, bundled
from tapetum_trainer.evaluate import answers, of_spec
from tapetum_trainer.evaluate.matches import Matches
from tapetum_trainer.quantize import quantize
from tapetum_trainer.thresholds import BestF1, FalsePositives, thresholds
from tests.trainer import tiny
from tests.trainer.labelled import Made, One

PROVENANCE = Provenance(
    licence="Apache-2.0", made_by="Tapetum", sources=(Source(name="our | <b>yard</b>", licence="CC-BY-4.0"),)
)
YARD = Bundling(name="yard", version=3)
QUANTIZED = quantize(tiny.network().written(), tiny.CONTRACT, tiny.pictures(8))


class Yard(Made):
    """Pictures of which the truth is what the model itself is surest of, and one that is gray."""

    def __init__(self) -> None:
        spec = ModelSpec("x@1", QUANTIZED.content, ("a", "b"), QUANTIZED.contract)
        self.shown = [*tiny.pictures(7, seed=20), np.full((64, 64, 3), 128, np.uint8)]
        sure = [of_spec(spec).ask(one)[:12] for one in self.shown]
        super().__init__(("a", "b"), [One([(row[0], *row[2:]) for row in rows]) for rows in sure])

    def picture(self, index: int) -> np.ndarray:
        return self.shown[index]


@pytest.fixture(scope="module")
def made() -> Bundled:
    return bundled(QUANTIZED, Yard(), PROVENANCE, YARD)


def test_a_device_takes_it_and_finds_all_of_it(made: Bundled):
    opened = bundle.open(made.content)
    spec = opened.spec()
    assert (spec.name, spec.labels, spec.contract) == ("yard@3", ("a", "b"), QUANTIZED.contract)
    assert spec.content == QUANTIZED.content
    assert spec.min_score == made.spec.min_score
    assert opened.manifest.metrics["ap50"] == pytest.approx(made.result.scores.ap50)
    assert opened.contents["card.md"].decode() == made.card


@pytest.mark.parametrize(("apart", "words"), [(True, "not those of the figures"), (False, "on the same pictures")])
def test_the_card_tells_on_which_pictures_its_scores_were_chosen(apart: bool, words: str, made: Bundled):
    told = bundled(QUANTIZED, Yard(), PROVENANCE, Bundling(name="yard", apart=apart), result=made.result).card
    assert words in told


def test_its_probes_are_answered_by_the_model_and_not_by_another(made: Bundled):
    spec = bundle.open(made.content).spec()
    assert 2 <= len(spec.probes) <= 4
    assert any(probe.expected for probe in spec.probes)
    assert all(one.score >= spec.min_score[one.label] + 0.02 for probe in spec.probes for one in probe.expected)

    def asked(content: bytes):
        detector = Detector(content, 1, spec.contract)
        return lambda pixels: ([detector.detect(one, 0.02) for one in pixels], 1.0)

    assert check(spec, "here", asked(spec.content), 0.5).probes == len(spec.probes)
    other = quantize(tiny.network(seed=2).written(), tiny.CONTRACT, tiny.pictures(8))
    with pytest.raises(Unsuitable, match=r"probe . of"):
        check(spec, "here", asked(other.content), 0.5)


def test_one_probe_shows_nothing_where_the_model_sees_nothing_in_some_picture():
    from tapetum_trainer.questions import probes

    pictures = tiny.pictures(8, seed=20)
    spec = ModelSpec("x@1", QUANTIZED.content, ("a", "b"), QUANTIZED.contract, {"a": 0.5, "b": 0.5})
    ask = of_spec(spec).ask
    surest = [float(ask(one)[0, 1]) for one in pictures]
    deaf = ModelSpec("x@1", spec.content, spec.labels, spec.contract, dict.fromkeys("ab", min(surest) + 0.11))
    found = probes(deaf, pictures)
    assert found[-1].expected == ()
    assert np.array_equal(found[-1].pixels, pictures[int(np.argmin(surest))])


def test_a_probe_that_the_model_itself_does_not_answer_is_never_packed(monkeypatch: pytest.MonkeyPatch):
    from tapetum_trainer import questions

    monkeypatch.setattr(questions, "_expected", lambda _, labels: Expected(labels[0], 0.01, (0, 0, 0.1, 0.1)))
    with pytest.raises(Unsuitable, match="probe 1 of"):
        bundled(QUANTIZED, Yard(), PROVENANCE, YARD)


def test_the_same_gives_the_same_bytes(made: Bundled):
    assert bundled(QUANTIZED, Yard(), PROVENANCE, YARD).content == made.content


def test_no_picture_goes_into_it_that_was_not_meant_to():
    spec = bundle.open(bundled(QUANTIZED, Yard(), PROVENANCE, YARD, questions=()).content).spec()
    assert all(len(np.unique(probe.pixels)) == 1 for probe in spec.probes)
    none = bundled(QUANTIZED, Yard(), PROVENANCE, Bundling(name="yard", probes=0))
    assert bundle.open(none.content).spec().probes == ()


def test_the_card_tells_figures_sources_and_limits_and_is_plain_text(made: Bundled):
    for words in ("# yard@3", "Finds a, b", "the best F1", "| AP50 |", "The figures of a rest on", "CC-BY-4.0"):
        assert words in made.card
    assert "our \\| \\<b\\>yard\\</b\\>" in made.card


RANKED = Matches(np.array([0.9, 0.8, 0.6, 0.4], np.float32), np.array([True, False, True, False]), 2, 4)
NOTHING = Matches(np.zeros(0, np.float32), np.zeros(0, bool), 0, 4)


def test_thresholds_are_chosen_by_the_rule_that_was_asked_for():
    found = [RANKED, NOTHING]
    assert thresholds(found, ("a", "b"), BestF1()) == {"a": 0.5, "b": 0.5}
    assert thresholds(found, ("a", "b"), FalsePositives(rate=0.1))["a"] == 0.85
    assert thresholds(found, ("a", "b"), FalsePositives(rate=0.25))["a"] == 0.5
    assert thresholds([Matches(RANKED.scores[:1] * 0, RANKED.hits[:1], 1, 1)], ("a",), BestF1())["a"] == 0.05


def test_a_class_of_few_things_has_the_threshold_of_all_together():
    many = Matches(np.repeat(RANKED.scores, 50), np.repeat(RANKED.hits, 50), 100, 200)
    few = Matches(np.array([0.2, 0.1], np.float32), np.array([True, False]), 1, 200)
    chosen = thresholds([many, few], ("a", "b"), BestF1())
    assert chosen["b"] == chosen["a"]


def test_what_the_bundle_says_is_what_its_model_does(made: Bundled):
    pictures = Yard()
    from tapetum_trainer.evaluate import scored

    again = scored(answers(of_spec(bundle.open(made.content).spec()), pictures), pictures)
    assert again == made.result.scores
