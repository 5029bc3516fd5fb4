"""Where int8 costs too much, a detector learns with int8's steps in its way, and what comes of it costs less."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tapetum.inference.tflite import Detector
from tapetum.scene import Box
from tapetum_trainer import graph
from tapetum_trainer.aware.network import observed, rounded, take_weights
from tapetum_trainer.aware.settings import Aware
from tapetum_trainer.aware.steps import Steps, weights_rounded
from tapetum_trainer.checkpoints import Checkpoints
from tapetum_trainer.evaluate import Loss
from tapetum_trainer.export import exported, float_contract
from tapetum_trainer.fit import fit
from tapetum_trainer.folded import put_folded, weights_of
from tapetum_trainer.making import wants_more
from tapetum_trainer.moments import watched
from tapetum_trainer.networks.detector import detector
from tapetum_trainer.quantize import Quantization, Quantized, quantize, questions
from tapetum_trainer.recipe import parse
from tapetum_trainer.rounding import STEPS, nearest
from tapetum_trainer.schedule import Fit
from tests.trainer.boxes import RECIPE
from tests.trainer.learnable import ARCHITECTURE, CLASSES, SIDE, Feed, picture
from tests.trainer.training import train

pytestmark = pytest.mark.timeout(600)
CONTRACT = float_contract(SIDE)
PICTURES = [picture((7, index))[0] for index in range(12)]
NEAREST = Quantization(weights="nearest")
HARD = 128  # times as large is one channel as the others
NEXT = {"s2b1_project": ["s3b1_expand"], "s3b1_project": ["s4b1_expand", "lateral8"]}


def asked() -> list[np.ndarray[Any, Any]]:
    return [one["picture"] for one in questions(CONTRACT.input, "picture", PICTURES)]


def unfolded(content: bytes) -> Any:
    network = detector(ARCHITECTURE, CLASSES, norm=False)
    put_folded(network, weights_of(content))
    return network


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A detector that has learned something, without batch normalisation."""
    network, _ = train(tmp_path_factory.mktemp("learned"), 8, 30)
    return unfolded(exported(network))


def hardened(network: Any) -> Any:
    """Return the same function, in which one channel of some layers takes most of int8's steps from all others."""
    made = detector(ARCHITECTURE, CLASSES, norm=False)
    take_weights(made, network)
    for first, others in NEXT.items():
        kernel, bias = made.get_layer(first).get_weights()
        kernel[..., 0] *= HARD
        bias[0] *= HARD
        made.get_layer(first).set_weights([kernel, bias])
        for other in others:
            kernel, bias = made.get_layer(other).get_weights()
            kernel[:, :, 0] /= HARD
            made.get_layer(other).set_weights([kernel, bias])
    return made


def logits(model: Quantized) -> np.ndarray[Any, Any]:
    """What the heatmap's logits of the int8 model stand for, for all pictures."""
    interpreter = watched(model.content)
    place = interpreter.get_input_details()[0]["index"]
    sigmoids = graph.operators(graph.read(model.content), "LOGISTIC")
    (end,) = [one for part, one in sigmoids if graph.name_of(part.tensors[one.outputs[0]]) == "heatmap"]
    (logits,) = [one for one in interpreter.get_tensor_details() if one["index"] == end.inputs[0]]
    scale, zero = logits["quantization"]
    found = []
    for question in asked():
        interpreter.set_tensor(place, np.rint(question * 128).astype(np.int8))
        interpreter.invoke()
        found.append((interpreter.get_tensor(logits["index"]).astype(np.float64) - zero) * scale)
    return np.concatenate(found)


def test_it_says_what_the_int8_model_says(learned: Any):
    hard = hardened(learned)
    aware = rounded(hard, observed(hard, asked()))
    whole = logits(quantize(exported(hard), CONTRACT, PICTURES, NEAREST))

    def far(network: Any) -> float:
        ends = {layer.name: layer for layer in network.layers}
        last = ends.get("heatmap_logits_steps", ends["heatmap_logits"])
        said = keras.Model(network.inputs, last.output)
        given = said.predict(np.concatenate(asked()), verbose=0)
        return float(np.abs(np.clip(given, whole.min(), whole.max()) - whole).mean())

    assert far(aware) < 0.2 * far(hard)


def test_a_weight_is_where_the_quantizer_puts_it():
    weights = np.random.default_rng(1).normal(0, 1, (3, 3, 4, 5)).astype(np.float32)
    found = np.asarray(weights_rounded(keras.ops.convert_to_tensor(weights), (0, 1, 2)))
    wanted = nearest(weights.transpose(3, 0, 1, 2).reshape(1, 5, -1).astype(np.float64))
    assert np.allclose(found.transpose(3, 0, 1, 2).reshape(1, 5, -1), wanted, atol=1e-6)
    assert len(np.unique(found[..., 0])) <= 2 * STEPS + 1


def test_an_activation_is_held_to_256_steps_of_which_one_is_nothing():
    values = np.linspace(-3, 9, 5001, dtype=np.float32)
    found = np.asarray(Steps(-1.3, 6.0)(values))
    assert len(np.unique(found)) == 256
    assert 0 in found
    inside = (values > -1.3) & (values < 6)
    assert np.abs(found - values)[inside].max() < 0.51 * 7.3 / 255
    assert (found.min(), found.max()) == pytest.approx((-1.3, 6.0), abs=7.3 / 255)
    assert np.asarray(Steps(2.0, 6.0)(values)).min() == 0  # 0 is always held


def test_what_is_rounded_passes_its_gradient_on_and_what_is_cut_off_none():
    tf = pytest.importorskip("tensorflow")
    values = tf.Variable([-2.0, 0.013, 5.0, 7.0])
    with tf.GradientTape() as tape:
        told = tf.reduce_sum(Steps(0.0, 6.0)(values))
    assert tape.gradient(told, values).numpy().tolist() == [0, 1, 1, 0]


def share(model: Quantized) -> float:
    """Of the things in pictures never seen, those that are found where they are, less what is found for nothing."""
    detector, right = Detector(model.content, 1, model.contract), 0
    seen = [picture((99, seed)) for seed in range(30)]
    for pixels, truth in seen:
        rows = detector.detect(pixels, 0.4)
        true = [Box(*map(float, box)) for box in truth.boxes]
        hits = {int(row[0]) for row in rows if Box(*map(float, row[2:])).iou(true[int(row[0])]) > 0.5}
        right += 2 * len(hits) - len(rows)
    return right / (2 * len(seen))


def test_what_int8_had_lost_is_found_again(learned: Any, tmp_path: Path):
    hard = hardened(learned)
    before = share(quantize(exported(hard), CONTRACT, PICTURES, NEAREST))
    aware = rounded(hard, observed(hard, asked()))
    fit(aware, Feed(30, seed=3), Aware(epochs=2, peak=1e-3).schedule(Fit()), Checkpoints(tmp_path))
    take_weights(hard, aware)
    after = share(quantize(exported(hard), CONTRACT, PICTURES, NEAREST))
    print(f"found: {before:.2f} made hard, {after:.2f} fine-tuned for int8")
    assert after > before + 0.2


@pytest.mark.parametrize(
    ("said", "lost", "wanted"),
    [
        ("", 1.2, True),
        ("", 0.9, False),
        ('[quantization.aware]\nwhen = "never"\n', 1.2, False),
        ('[quantization.aware]\nwhen = "always"\n', 0.0, True),
    ],
)
def test_by_itself_a_network_is_tuned_where_int8_loses_more_than_a_point(said: str, lost: float, wanted: bool):
    plain = RECIPE.replace("[acceptance]\nquantization = 100.0\n", "")
    recipe, told = parse(plain + said), list[str]()
    assert wants_more(recipe, [Loss("all", 0.5, 0.5 - lost / 100, 0.001)], told.append) is wanted
    needed = "acceptance.quantization: int8 loses 1.2 +- 0.0 points, 1.0 at most"
    wants = [f"{needed}: it is trained on with int8's steps in its way"]
    assert told == (wants if wanted and not said else [])
