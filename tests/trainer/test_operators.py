"""What a model consists of, and who takes it."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tapetum_trainer import graph
from tapetum_trainer.errors import ModelError
from tapetum_trainer.operators import Inventory, inventory, text
from tapetum_trainer.quantize import Quantization, quantize
from tests.trainer import tiny


def small(**settings: bool) -> Inventory:
    made = quantize(tiny.network().written(), tiny.CONTRACT, tiny.pictures(4), Quantization(**settings))
    return inventory(made.content)


def test_each_operator_is_told_with_its_version_and_types():
    found = small().operators
    assert [one.kind for one in found].count("CONV_2D") == 7
    assert [(one.index, one.version) for one in found if one.kind == "RESIZE_NEAREST_NEIGHBOR"] == [(5, 3)]
    assert {one.dtypes for one in found} == {("int8",)}
    assert found[-1].shape == (1, 8, 8, 2)


def test_the_edge_tpu_takes_nothing_behind_what_it_does_not_know():
    found = small()
    assert found.taken("edgetpu") == 1
    assert found.operators[1].refused["edgetpu"].startswith("its strides across and down differ")
    assert "--edge-tpu" in found.operators[1].refused["edgetpu"]
    assert found.operators[5].refused["edgetpu"] == "it is version 3; up to 2 is taken"
    assert "9 more stay on the processor" in text(found)
    assert small(edge_tpu=True).whole("edgetpu")


def test_of_a_float_model_the_edge_tpu_takes_nothing_and_a_gpu_all_but_what_is_not_in_its_list():
    found = inventory(tiny.network().written())
    assert found.taken("edgetpu") == 0
    assert found.operators[0].refused["edgetpu"] == "it is float32; int8 is wanted throughout"
    assert [one.kind for one in found.operators if one.refused["gpu"]] == ["RESIZE_NEAREST_NEIGHBOR"]


def test_kernels_kept_in_half_precision_are_constants():
    made = tiny.network()
    tiny.halve_kernels(made)
    found = inventory(made.written())
    assert [one.kind for one in found.operators].count("DEQUANTIZE") == 7
    assert [one.kind for one in found.operators if one.refused["gpu"]] == ["RESIZE_NEAREST_NEIGHBOR"]
    assert not any("kernel" in one.refused["edgetpu"] for one in found.operators)


def test_what_xnnpack_leaves_is_what_the_runtime_says():
    """This runtime's takes all but the enlarging, on both sides of it."""
    assert [one.kind for one in small().operators if one.refused["cpu"]] == ["RESIZE_NEAREST_NEIGHBOR"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda _, one: setattr(one.builtinOptions, "dilationWFactor", 2), ""),
        (lambda made, one: setattr(made.graph.tensors[one.inputs[1]], "buffer", 0), "its kernel is no constant"),
        (
            lambda made, one: setattr(one, "opcodeIndex", graph.operator_code(made.model, "CONV_2D", 6)),
            "it is version 6",
        ),
    ],
)
def test_the_edge_tpu_s_rules_have_their_reasons(change, told: str):
    from tapetum_trainer import operators, support

    made = tiny.network()
    for tensor in made.graph.tensors:
        tensor.type = made.known.TensorType.INT8
    one = made.graph.operators[0]
    change(made, one)
    reason = support.edge_tpu(
        operators._view(made.model, made.graph, one, operators._constants(made.model, made.graph))
    )
    assert reason.startswith(told)
    assert bool(reason) == bool(told)


def test_pooling_with_an_activation_and_a_batch_are_refused():
    from tapetum_trainer.support import View, edge_tpu, gpu

    fused = SimpleNamespace(fusedActivationFunction=1)
    whole = ((1, 8, 8, 4),)
    assert edge_tpu(View("MAX_POOL_2D", 2, ("int8",), whole, frozenset(), fused)) == "an activation is fused into it"
    assert edge_tpu(View("ADD", 2, ("int8",), ((2, 8, 8, 4),), frozenset(), None)).startswith(
        "it works on more than one"
    )
    assert edge_tpu(View("ADD", 2, ("int8",), ((1, 2, 8, 8, 4),), frozenset(), None)).startswith("more than three")
    assert edge_tpu(View("SOFTMAX", 2, ("int8",), ((1, 20_000),), frozenset(), None)).startswith(
        "it has 20000 elements"
    )
    assert gpu(View("DEPTHWISE_CONV_2D", 3, ("int8",), whole, frozenset(), None)) == "it is version 3; up to 2 is taken"
    assert gpu(View("ADD", 1, ("int32",), whole, frozenset(), None)).startswith("it is int32")


def test_of_a_real_model_the_post_processing_is_taken_by_none(data: Path):
    found = inventory((data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite").read_bytes())
    last = found.operators[-1]
    assert (last.kind, all(last.refused.values())) == ("TFLite_Detection_PostProcess", True)
    assert found.taken("edgetpu") == len(found.operators) - 1
    assert found.operators[0].refused["cpu"] == ""
    assert found.taken("cpu") > 0.9 * len(found.operators)
    assert "TFLite_Detection_PostProcess: it is not in the list" in text(found)


def test_what_is_no_model_is_told():
    with pytest.raises(ModelError, match="the model cannot be read"):
        inventory(b"nothing of the kind")
