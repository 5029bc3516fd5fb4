"""A detector whose input is no square: recipes say it, examples are of it, and a square one may become it."""

import json
from pathlib import Path

import numpy as np
import pytest

from tapetum import bundle
from tapetum.bundle.manifest import Source
from tapetum.inference.contract import ModelSpec
from tapetum.inference.probes import check
from tapetum.inference.tflite import Detector
from tapetum_trainer import recipe as recipes
from tapetum_trainer.augment import Augmentation, Augmenter, Geometry
from tapetum_trainer.cli import main
from tapetum_trainer.errors import RecipeError
from tapetum_trainer.export import exported, float_contract
from tapetum_trainer.folded import Start, start_of, weights_of
from tapetum_trainer.narrower import reshaped
from tapetum_trainer.networks.detector import Architecture, detector
from tapetum_trainer.networks.sizes import SIZES
from tapetum_trainer.resizing import resized
from tapetum_trainer.said import Answers
from tapetum_trainer.scaling import real
from tapetum_trainer.sides import Sides, size_of
from tests.trainer.boxes import RECIPE, painted
from tests.trainer.learnable import TINY
from tests.trainer.pictures import LABELS, Painted

YARD = """
name = "yard"
classes = { person = [] }
data.source = [{ type = "yolo", images = "images", labels = "labels", names = ["person"] }]
[network]
side = SIDE
"""


def test_a_recipe_says_width_and_height():
    found = recipes.parse(YARD.replace("SIDE", "[256, 192]"))
    assert size_of(found.network.side) == size_of(found.augmentation.side) == (256, 192)
    assert size_of(recipes.parse(YARD.replace("SIDE", "256")).network.side) == (256, 256)


@pytest.mark.parametrize(
    ("side", "reason"),
    [
        ("[256]", "length >= 2"),
        ("[256, 192, 3]", "length <= 2"),
        ("[256, 100]", "multiple of 32"),
        ("[256, 64]", ">= 96"),
        ('"wide"', "int"),
    ],
)
def test_another_side_is_refused_with_what_would_be_right(side: str, reason: str):
    with pytest.raises(RecipeError, match=rf"network\.side.*{reason}|{reason}.*network\.side"):
        recipes.parse(YARD.replace("SIDE", side))


@pytest.mark.parametrize("size", [(128, 96), (96, 128)])
@pytest.mark.parametrize("mosaic", [0.0, 1.0])
def test_a_box_is_where_its_thing_is_to_the_pixel(size: tuple[int, int], mosaic: float):
    pictures = Painted(things=1)
    settings = Augmentation(side=size, geometry=Geometry(mosaic=mosaic), colour=None, conditions=None)
    made, judged = Augmenter(pictures, settings), 0
    for index in range(12):
        found = made.example(index, 3)
        assert found.pixels.shape == (size[1], size[0], 3)
        assert np.prod((found.areas[:, 2:] - found.areas[:, :2]), axis=1).sum() == pytest.approx(1, abs=1e-5)
        for box in found.boxes[~found.ignored]:
            left, top, right, bottom = box * [*size, *size]
            x, y = (left + right) / 2, (top + bottom) / 2
            areas = found.areas * [*size, *size]
            area = next(one for one in areas if one[0] <= x <= one[2] and one[1] <= y <= one[3])
            columns, rows = slice(round(area[0]), round(area[2])), slice(round(area[1]), round(area[3]))
            shown = found.pixels[rows, columns].astype(int)
            y, x = np.nonzero((shown[:, :, 0] > 67) & (shown[:, :, 2] < 30))
            edges = x.min() + columns.start, y.min() + rows.start, x.max() + 1 + columns.start, y.max() + 1 + rows.start
            assert np.abs(np.array(edges) - (left, top, right, bottom)).max() <= 1.6
            judged += 1
    assert judged >= 8


def net(side: Sides) -> object:
    return detector(Architecture(TINY, side, neck=16, depth=1), len(LABELS), norm=False)


def test_a_square_one_says_the_same_of_the_same_pixels_in_a_lower_input():
    """Of what is far from the edges; sizes are told in fractions of the longer side, which is as long."""
    square, low = net(128), net((128, 96))
    low.set_weights(square.get_weights())
    resized(low, 128, (128, 96))
    pixels = np.random.default_rng(1).integers(0, 256, (1, 128, 128, 3), np.uint8)
    said, less = (one.predict_on_batch(real(shown)) for one, shown in ((square, pixels), (low, pixels[:, :96])))
    for name in ("heatmap", "size", "offset"):
        assert np.allclose(said[name][:, :4], less[name][:, :4], atol=1e-5), name


@pytest.mark.parametrize("sides", [(256, 288), (256, 320), (256, 224), (128, (160, 96))])
def test_in_a_longer_input_sizes_are_told_of_what_they_were(sides: tuple[Sides, Sides]):
    before, after = sides
    factor = (max(size_of(before)) / max(size_of(after))) ** 0.5
    one = net(96)
    layer = one.get_layer("size_logits")
    for root in (0.12, 0.3, 0.5, 0.7):
        kernel, bias = layer.get_weights()
        layer.set_weights([np.zeros_like(kernel), np.full_like(bias, np.log(root / (1 - root)))])
        resized(one, before, after)
        said = one.predict_on_batch(np.zeros((1, 96, 96, 3), np.float32))["size"]
        assert said == pytest.approx(factor * root, rel=0.05), root
        layer.set_weights([kernel, bias])


def test_what_a_training_goes_on_from_is_asked_in_the_input_of_the_new_one():
    weights = net(128)
    square = ModelSpec("yard@1", exported(weights), LABELS, float_contract(128))
    start = Start(square.content, LABELS, (Source(name="yard", licence="none"),), square)
    wanted = Architecture(TINY, (128, 96), neck=16, depth=1)
    found = reshaped(start, wanted)
    assert found is not None
    assert found.contract is not None
    assert found.contract.input.size == (128, 96)
    assert reshaped(start, Architecture(TINY, 128, neck=16, depth=1)) is square


def test_what_teaches_in_other_pixels_stays_all_that_it_is_where_the_student_is_smaller():
    start = start_of(bundle.open(Path(__file__).parents[2] / "models/bundles/tapetum@3.tapetum"))
    found = reshaped(start, SIZES["nano"].architecture((128, 96)))
    assert found is not None
    assert weights_of(found.content).keys() == weights_of(start.content).keys()


def test_answers_are_those_of_the_whole_picture():
    """A network that sees a large thing in every cell sees them up to each edge of a picture of another shape."""
    pictures = Painted(count=2)
    network = net((128, 96))
    for name, bias in (("heatmap", 2.0), ("size", 1.4), ("offset", 0.0)):
        layer = network.get_layer(f"{name}_logits")
        kernel, biases = layer.get_weights()
        layer.set_weights([np.zeros_like(kernel), np.full_like(biases, bias)])
    rows = Answers([pictures.picture(index) for index in range(2)], (128, 96)).rows(network, 0.1)
    assert len(rows) == 2
    for one in rows:
        assert one[:, 2:4].min(axis=0) == pytest.approx((0.0, 0.0), abs=0.02)
        assert one[:, 4:6].max(axis=0) == pytest.approx((1.0, 1.0), abs=0.02)
        assert 4 < len(one) < 100  # no more than that are told


TEACHER = """
[teacher]
model = "start"
maps = true
views = 2
means = { red = ["person"], blue = ["vehicle"] }
"""


@pytest.mark.timeout(600)
def test_a_bundle_of_a_square_becomes_one_of_another_shape_by_the_command(tmp_path: Path):
    """Taught by itself, as it would be in the new shape, seen twice; and a device takes what comes of it."""
    square = '[network]\nsize = "nano"\nside = 96'
    recipe = painted(tmp_path, RECIPE.replace(square, square.replace("96", "[160, 96]")) + TEACHER)
    begun = Path(__file__).parents[2] / "models/bundles/tapetum-nano@1.tapetum"
    order = ["fine-tune", str(begun), str(recipe), "--data", str(tmp_path), "--folder", str(tmp_path / "run")]
    assert main(order) == 0
    spec = bundle.open(tmp_path / "run/boxes@3.tapetum").spec()
    assert spec.contract is not None
    assert spec.contract.input.size == (160, 96)
    assert spec.probes
    detector = Detector(spec.content, 1, spec.contract)
    assert check(spec, "cpu", lambda asked: ([detector.detect(one, 0.3) for one in asked], 1.0), 0.3).probes
    figures = [json.loads(line) for line in (tmp_path / "run/journal.jsonl").read_text().splitlines()]
    assert all(one["teacher"] > 0 for one in figures if one["kind"] == "train")
