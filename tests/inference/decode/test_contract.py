"""Every decoder, whatever its family, keeps the same promises."""

import typing
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from tapetum.errors import Unsuitable
from tapetum.inference import decode
from tapetum.inference.decode import AnyDecoder, recognise
from tapetum.inference.tensors import Tensor, TensorSpec
from tests.inference.decode.examples import EXAMPLES, Example, as_floats

SCORES = (0.0, 0.1, 0.3, 0.9)
DTYPES = ("float32", "int8", "uint8")

every_model = pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)


def test_every_family_has_an_example():
    assert {type(example.decoder) for example in EXAMPLES.values()} == set(typing.get_args(AnyDecoder))


def test_every_family_is_offered_by_name():
    assert {family.__name__ for family in typing.get_args(AnyDecoder)} <= set(decode.__all__)


@every_model
def test_a_decoder_is_told_from_the_outputs(example: Example):
    if not example.recognised:
        pytest.skip("what its numbers mean is not in its tensors: its own test tells")
    assert recognise([example.picture], example.specs("int8")) == example.decoder


@every_model
def test_a_decoder_reads_its_own_outputs_and_says_of_others_whether_it_can(example: Example):
    fitting = [other for other in EXAMPLES.values() if example.decoder.fits(other.specs())]
    assert example in fitting
    assert len(fitting) < len(EXAMPLES)
    for other in fitting:
        assert example.decoder.decode(other.tensors(1), 0.3).shape[1:] == (6,)


@every_model
@pytest.mark.parametrize("cut", ["no outputs", "one less", "a batch of two", "flat"])
def test_outputs_that_a_decoder_cannot_read_do_not_fit(example: Example, cut: str):
    whole = example.specs()
    batch = [replace(spec, shape=(2, *spec.shape[1:])) for spec in whole]
    flat = [replace(spec, shape=(int(np.prod(spec.shape)),)) for spec in whole]
    # a detector's count, which comes last, is not read: so the first is left out
    cases = {"no outputs": [], "one less": whole[1:], "a batch of two": batch, "flat": flat}
    assert not example.decoder.fits(cases[cut])


@every_model
def test_a_decoder_is_written_and_read_as_json(example: Example):
    assert msgspec.json.decode(msgspec.json.encode(example.decoder), type=AnyDecoder) == example.decoder


@every_model
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("min_score", SCORES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_whatever_comes_out_of_the_model_the_rows_are_sound(example: Example, seed: int, min_score: float, dtype: str):
    found = example.decoder.decode(example.tensors(seed, dtype), min_score)
    assert (found.dtype, found.shape[1:]) == (np.float32, (6,))
    assert (found[:, 1] >= np.float32(min_score)).all()
    assert (np.diff(found[:, 1]) <= 0).all()
    assert ((found[:, 1:] >= 0) & (found[:, 1:] <= 1)).all()
    assert ((found[:, 4] > found[:, 2]) & (found[:, 5] > found[:, 3])).all()
    classes = example.decoder.told_apart(example.specs()) or 91
    assert ((found[:, 0] >= 0) & (found[:, 0] < classes)).all()


@every_model
@pytest.mark.parametrize("seed", range(3))
def test_numbers_that_are_none_do_no_harm(example: Example, seed: int):
    random = np.random.default_rng(seed)
    tensors = example.tensors(seed)
    for tensor in tensors:
        places = random.random(tensor.values.shape) < 0.1
        tensor.values[places] = random.choice(np.array([np.nan, np.inf, -np.inf], np.float32), places.sum())
    with np.errstate(all="ignore"):
        found = example.decoder.decode(tensors, 0.3)
    assert np.isfinite(found).all()


@every_model
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("min_score", SCORES)
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_what_is_left_out_as_it_is_stored_is_what_its_real_number_leaves_out(
    example: Example, seed: int, min_score: float, dtype: str
):
    tensors = example.tensors(seed, dtype)
    found, expected = (example.decoder.decode(one, min_score) for one in (tensors, as_floats(tensors)))
    assert found.tolist() == expected.tolist()


@every_model
@pytest.mark.parametrize("seed", range(3))
def test_a_higher_threshold_only_takes_away(example: Example, seed: int):
    tensors = example.tensors(seed, "int8")
    more, less = (example.decoder.decode(tensors, min_score)[:, :2] for min_score in (0.3, 0.6))
    assert less.tolist() == more[more[:, 1] >= 0.6].tolist()


@every_model
def test_an_answer_of_nothing_has_no_rows(example: Example):
    outputs = [Tensor(spec, np.full(spec.shape, -9.0, np.float32)) for spec in example.specs()]
    with np.errstate(all="ignore"):
        assert example.decoder.decode(outputs, 0.5).shape == (0, 6)


UNKNOWN: dict[str, list[tuple[int, ...]]] = {
    "mask": [(1, 256, 256, 1)],
    "one number": [(1, 1)],
    "no count": [(1, 10, 4), (1, 10), (1, 10)],
    "other numbers": [(1, 10, 4), (1, 10), (1, 20), (1,)],
    "two boxes": [(1, 10, 4), (1, 10, 4), (1, 10), (1,)],
    "anchors of another size": [(1, 84, 3549)],
    "no classes": [(1, 4, 1344)],
    "faces of another size": [(1, 895, 16), (1, 895, 1)],
    "half a pyramid": [(1, 32, 32, 27), (1, 32, 32, 36), (1, 16, 16, 27)],
    "two grids": [(1, 32, 32, 3), (1, 32, 32, 2), (1, 16, 16, 2)],
    "batch": [(2, 10)],
    "scalar": [()],
    "none": [],
}


@pytest.mark.parametrize("shapes", UNKNOWN.values(), ids=UNKNOWN)
def test_other_outputs_are_refused_with_what_is_known(shapes: list[tuple[int, ...]]):
    outputs = [TensorSpec("", shape, "float32") for shape in shapes]
    with pytest.raises(Unsuitable, match=r"its outputs are .+, which no decoder reads; known are ") as refused:
        recognise([TensorSpec("", (1, 256, 256, 3), "uint8")], outputs)
    assert all(str(shape) in str(refused.value) for shape in shapes)
    families: tuple[Any, ...] = typing.get_args(AnyDecoder)
    assert all(family.WANTED in str(refused.value) for family in families)
