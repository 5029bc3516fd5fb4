"""What flows between blocks: asked of the wide network, learned by the narrow one, by rates of its channels' sizes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tapetum import bundle
from tapetum_trainer import recipe as recipes
from tapetum_trainer.errors import RecipeError
from tapetum_trainer.networks.detector import detector
from tapetum_trainer.networks.sizes import SIZES
from tapetum_trainer.scaling import real
from tapetum_trainer.streams import STREAM, Streams, missed, with_streams
from tapetum_trainer.targets import Truth
from tests.trainer import boxes, tiny
from tests.trainer.learnable import Lesson
from tests.trainer.test_pruning import CLASSES, NARROW, SIDE, WIDE, architecture, like, narrow

BLOCKS = ("s1b1", "s2b1", "s2b2", "s3b1", "s3b2", "s4b1")
NOTHING = Truth(np.zeros((0, 4), np.float32), np.zeros(0, np.int32), np.zeros(0, bool))


def shown(count: int, seed: int) -> Any:
    return np.stack(tiny.pictures(count, seed, SIDE))


@pytest.fixture
def wide() -> Any:
    import keras

    keras.utils.set_random_seed(5)
    return detector(architecture(WIDE), CLASSES, norm=False)


def test_each_block_is_asked_what_it_gives(wide: Any):
    import keras

    pixels = shown(2, 1)
    found = Streams(with_streams(wide))(pixels)
    assert sorted(found) == [f"{STREAM}{block}" for block in BLOCKS]
    ends = {block: f"{block}_add" if block.endswith("b2") else f"{block}_project" for block in BLOCKS}
    for block, layer in ends.items():
        wanted = keras.Model(wide.input, wide.get_layer(layer).output)(real(pixels))
        np.testing.assert_allclose(found[f"{STREAM}{block}"], np.asarray(wanted), atol=1e-5)


def test_of_one_with_normalisation_too_it_is_what_the_block_gives():
    network = detector(architecture(WIDE), CLASSES)
    told = with_streams(network).output
    layers = {block: f"{block}_add" if block.endswith("b2") else f"{block}_project_norm" for block in BLOCKS}
    assert all(told[f"{STREAM}{block}"] is network.get_layer(layer).output for block, layer in layers.items())


def test_what_is_missed_is_a_share_of_what_a_channel_varies():
    random = np.random.default_rng(1)
    wanted = random.normal(3, [1.0, 100.0], (4, 5, 6, 2)).astype(np.float32)
    means = np.broadcast_to(wanted.mean(axis=(0, 1, 2)), wanted.shape)

    def of(said: Any) -> float:
        return float(missed({"stream/a": wanted, "stream/b": wanted}, {"stream/a": said, "stream/b": wanted}))

    assert of(wanted) == 0
    assert of(means) == pytest.approx(0.5, abs=1e-3)  # all of one block of two
    one = np.where(np.arange(2) == 0, means, wanted)
    assert of(one) == pytest.approx(0.25, abs=1e-3)  # however little the other channel is beside it


@pytest.mark.timeout(300)
def test_a_pruned_network_comes_to_give_it_too(wide: Any):
    import keras

    from tapetum_trainer.learner import Learner
    from tapetum_trainer.optimizer import optimizer
    from tapetum_trainer.pruning import pruned
    from tapetum_trainer.schedule import Rates, Weights

    asked = Streams(with_streams(wide))
    student = narrow(pruned(wide, like(wide), NARROW.middles(), real(shown(32, 2))))
    unseen = shown(16, 3)

    def off() -> float:
        return float(missed(asked(unseen), with_streams(student)(real(unseen))))

    keras.utils.set_random_seed(2)
    little = 1e-9
    learner = Learner(student, Weights(heatmap=little, overlap=little, distance=little, streams=1.0))
    learner.compile(optimizer=optimizer(Rates(peak=1e-2, decay=0.0, relative=True), 120))
    before = off()
    for step in range(120):
        pixels = shown(8, 100 + step)
        learner.train_on_batch(*learner.asked(Lesson(pixels, (NOTHING,) * 8, maps=asked(pixels))))
    print(f"missed of the variance: {before:.4f} before, {off():.4f} after")
    assert off() < 0.85 * before


@pytest.mark.parametrize("relative", [False, True])
def test_a_channel_may_step_by_its_own_size(relative: bool):
    """The first step of Adam is as long as the rate, whatever the gradient."""
    import keras

    from tapetum_trainer.optimizer import optimizer
    from tapetum_trainer.schedule import Rates

    sizes = {(1, 1, 3, 4): (0, 1, 2), (3, 3, 4, 1): (0, 1, 3), (4,): (0,), (1, 1, 4, 1): (0, 1, 2)}
    random = np.random.default_rng(1)
    given = [random.normal(0, 1, shape).astype(np.float32) * ([1, 10, 100, 1000] if len(shape) > 1 else 1)
             for shape in ((1, 1, 3, 4),)]  # fmt: skip
    given += [given[0][:, :, :1].transpose(0, 1, 3, 2).repeat(3, 0).repeat(3, 1), random.normal(0, 5, 4)]
    given += [random.normal(0, 1, (1, 1, 4, 1)), np.zeros(4)]  # of one class; what is nothing yet
    names = ("s1b1_expand", "s1b1_depthwise", "bias", "heatmap_logits", "bias")
    variables = [keras.Variable(one.astype(np.float32), name=name) for one, name in zip(given, names, strict=True)]
    rates = Rates(peak=1e-3, warmup=0.0, decay=0.0, clip=1e9, relative=relative)
    optimizer(rates, 10).apply([np.ones(one.shape, np.float32) for one in variables], variables)
    for before, after in zip(given, variables, strict=True):
        size = np.sqrt(np.square(before).mean(axis=sizes[before.shape], keepdims=True)).clip(1e-3)
        stepped = (before - np.asarray(after)) / (size if relative else 1.0)
        np.testing.assert_allclose(stepped, 1e-3, rtol=0.1)


# In recipes

MAPS = '[teacher]\nmodel = "start"\nmaps = true\n'
COUNTED = "weights = { streams = 4.0 }\n"


def test_who_says_what_flows_is_a_teacher_that_says_its_maps():
    with pytest.raises(RecipeError, match=r"fit\.weights\.streams: .* a \[teacher\] with maps = true"):
        recipes.parse(boxes.RECIPE.replace("[fit]\n", f"[fit]\n{COUNTED}"))


def test_the_start_teaches_by_its_maps_alone(tmp_path: Any):
    with pytest.raises(RecipeError, match=r'teacher\.model: "start", .* teaches with maps = true'):
        recipes.parse(boxes.RECIPE + MAPS.replace("maps = true\n", ""))
    (tmp_path / "start").write_text("a file of that name is not meant")
    teacher = recipes.parse(boxes.RECIPE + MAPS).teacher
    assert teacher is not None
    assert teacher.content(tmp_path) == ""


def test_a_teacher_of_other_blocks_is_refused():
    from tapetum_trainer.narrower import streams_of

    spec = bundle.open(Path(__file__).parents[2] / "models/bundles/tapetum-small@1.tapetum").spec()
    with pytest.raises(RecipeError, match=r"fit\.weights\.streams: tapetum-small@1 has other blocks than the network"):
        streams_of(spec, SIZES["slim"].architecture(256))


def test_the_start_of_a_training_that_begins_anew_is_no_teacher(tmp_path: Any):
    teacher = recipes.parse(boxes.RECIPE + MAPS).teacher
    assert teacher is not None
    with pytest.raises(RecipeError, match=r'teacher\.model: "start" is the bundle that `fine-tune` goes on from'):
        teacher.imitated(tmp_path, ("red", "blue"), 96)


def test_recipes_that_could_not_say_it_keep_their_hash():
    said = recipes.parse(boxes.RECIPE)
    assert said.sha256 == recipes.parse(boxes.RECIPE.replace("[fit]\n", "[fit]\nweights = { streams = 0.0 }\n")).sha256
