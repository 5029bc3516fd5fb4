"""What a model file says of itself, read without a runtime: the same as the runtime tells."""

import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tapetum.bundle import flatbuffer, flexbuffer
from tapetum.bundle.tflite import Metadata, describe
from tapetum.errors import Unreadable
from tapetum.inference.tensors import TensorSpec
from tapetum.inference.tflite import runtime
from tests.bundle.flat import finished, model, number, numbers, table, tensor, text, vector, with_metadata

LOADED = [
    "coco_ssd_mobilenet_v1_quant/detect", "coral/mobilenet_v1_0.25_128_quant", "coral/mobilenet_v2_1.0_224_quant",
    "mediapipe/face_detection_short_range", "mediapipe/selfie_segmentation", "negative/face_landmark_with_attention",
    "negative/model_invoking_error", "tflm/hello_world_float", "tflm/hello_world_int8", "tflm/simple_add_model",
    "yolo/yolov8n_full_integer_quant_416",
]  # fmt: skip
"""Models that a runtime makes an interpreter of; two cannot be run."""


def content_of(data: Path, name: str) -> bytes:
    return (data / f"models/{name}.tflite").read_bytes()


def told_by_the_runtime(content: bytes) -> tuple[list[TensorSpec], list[TensorSpec]]:
    interpreter: Any = runtime().Interpreter(model_content=content)
    with suppress(RuntimeError):  # two cannot be run
        interpreter.allocate_tensors()  # only then does it know the outputs of an SSD's post-processing
    details = interpreter.get_input_details(), interpreter.get_output_details()
    return [TensorSpec.of(one) for one in details[0]], [TensorSpec.of(one) for one in details[1]]


@pytest.mark.parametrize("name", LOADED)
def test_inputs_and_outputs_are_those_that_the_runtime_tells(data: Path, name: str):
    content = content_of(data, name)
    found = describe(content)
    inputs, outputs = told_by_the_runtime(content)
    assert inputs
    assert outputs
    assert (list(found.inputs), list(found.outputs)) == (inputs, outputs)


def test_every_model_that_there_is_was_compared(data: Path):
    refused = {"negative/person_detect", "negative/truncated_detect"}
    names = {f"{path.parent.name}/{path.stem}" for path in (data / "models").rglob("*.tflite")}
    assert names == set(LOADED) | refused


def test_a_model_that_a_newer_runtime_refuses_can_be_read(data: Path):
    found = describe(content_of(data, "negative/person_detect"))
    assert found.inputs == (TensorSpec("input", (1, 96, 96, 1), "int8", pytest.approx(1 / 127.5), -1),)
    assert found.metadata is None


@pytest.mark.parametrize(
    ("name", "mean", "std", "label_files"),
    [
        ("coral/mobilenet_v2_1.0_224_quant", (127.5,), (127.5,), ("imagenet_labels.txt",)),
        ("mediapipe/face_detection_short_range", (127.5,), (127.5,), ()),
        ("mediapipe/selfie_segmentation", (0.0,), (255.0,), ("labels.txt",)),
        ("yolo/yolov8n_full_integer_quant_416", (), (), ("temp_meta.txt",)),
    ],
)
def test_the_metadata_tell_of_pixels_and_labels(
    data: Path, name: str, mean: tuple[float, ...], std: tuple[float, ...], label_files: tuple[str, ...]
):
    found = describe(content_of(data, name)).metadata
    assert found is not None
    assert (found.mean, found.std, found.label_files) == (mean, std, label_files)


def test_the_metadata_tell_where_a_model_comes_from(data: Path):
    found = describe(content_of(data, "yolo/yolov8n_full_integer_quant_416")).metadata
    assert found is not None
    assert (found.version, found.author) == ("8.3.91", "Ultralytics")
    assert found.licence.startswith("AGPL-3.0")


def test_a_file_that_ends_early_is_refused(data: Path):
    with pytest.raises(Unreadable, match="leads out of the file; is it complete"):
        describe(content_of(data, "negative/truncated_detect"))


@pytest.mark.parametrize("content", [b"", b"TFL3", bytes(100), b"\x89PNG\r\n\x1a\n" + bytes(100), b"{}"])
def test_what_is_no_model_is_refused(content: bytes):
    with pytest.raises(Unreadable, match="no flatbuffer of the kind TFL3"):
        describe(content)


# --- models, written by hand


def test_a_model_written_by_hand_is_read():
    quantization = table({2: numbers("f", [0.5]), 3: numbers("q", [7])})
    found = describe(model([tensor("in", quantization=quantization), tensor("out", (1, 9), 0)], [0], [1]))
    assert found.inputs == (TensorSpec("in", (1, 2, 2, 3), "uint8", 0.5, 7),)
    assert found.outputs == (TensorSpec("out", (1, 9), "float32"),)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (model([tensor()], f0=number("I", 2)), "it is of version 2 of the schema; 3 is wanted"),
        (model([tensor()], [0] * 33), "it has 33 inputs or outputs; up to 32 are read"),
        (model([tensor()], [1]), "number 1 of 1 parts is meant"),
        (model([tensor()], [-1]), "number -1 of 1 parts is meant"),
        (model([tensor(kind=19)]), "of the unknown type 19"),
        (model([tensor(shape=[1, -1])]), "of the impossible shape"),
        (model([tensor(shape=[1] * 9)]), "of the impossible shape"),
        (model([tensor(quantization=table({2: numbers("f", [float("nan")])}))]), "has the scale nan"),
        (model([tensor(quantization=table({2: numbers("f", [float("inf")])}))]), "has the scale inf"),
        (model([tensor(quantization=table({2: numbers("f", [-1])}))]), "has the scale -1.0"),
    ],
)
def test_a_model_that_no_runtime_can_mean_is_refused(content: bytes, told: str):
    with pytest.raises(Unreadable) as caught:
        describe(content)
    assert told in str(caught.value)


@pytest.mark.parametrize("scales", [[], [0.5, 0.5]])
def test_a_tensor_with_no_scale_or_one_for_each_channel_stands_for_itself(scales: list[float]):
    quantization = table({2: numbers("f", scales), 3: numbers("q", [7] * len(scales))})
    assert describe(model([tensor(quantization=quantization)])).inputs[0].scale == 0


def postprocessing(options: list[tuple[str, int, int]]) -> bytes:
    """Return a model with another operator, and then an SSD's post-processing, whose outputs are two of three."""
    codes = vector([table({1: text("Other")}), table({1: text("TFLite_Detection_PostProcess")})])
    operators = [
        table({0: number("I", code), 2: numbers("i", outputs), 5: numbers("B", flex(options))})
        for code, outputs in ((0, [2]), (1, [0, 1]))
    ]
    tensors = [tensor(name, (), 0) for name in "abc"]
    return model(tensors, [], [1, 0, 2], {3: vector(operators)}, f1=codes)


def test_the_shapes_that_an_ssds_post_processing_gives_are_told_by_its_options():
    found = describe(postprocessing([("max_classes_per_detection", 1, 2), ("max_detections", 1, 10)]))
    assert [output.shape for output in found.outputs] == [(1, 20), (1, 20, 4), ()]


@pytest.mark.parametrize("options", [[("a", 1, 1)], [("max_detections", 1, 200)]])  # 200: -56, in one byte
def test_post_processing_that_lets_nothing_through_is_refused(options: list[tuple[str, int, int]]):
    with pytest.raises(Unreadable, match="detections through; 1 to 10000 are wanted"):
        describe(postprocessing(options))


def test_metadata_of_several_inputs_units_and_files_are_told_apart():
    norm = table({0: numbers("f", [1, 2, 3]), 1: numbers("f", [4, 5, 6])})
    units = vector([table({0: number("B", 3), 1: table({0: numbers("f", [9])})}), table({0: number("B", 1), 1: norm})])
    files = vector([table({0: text(f"{kind}.txt"), 2: number("B", kind)}) for kind in range(6)])
    graph = table({2: vector([table({4: units})]), 3: vector([table({6: files}), table({6: files})])})
    packed = finished(b"M001", table({0: text("n"), 2: text("v"), 3: vector([graph]), 4: text("a"), 5: text("l")}))
    labels = ("2.txt", "3.txt") * 2
    assert describe(with_metadata(packed)).metadata == Metadata("n", "v", "a", "l", (1, 2, 3), (4, 5, 6), labels)


def test_metadata_may_tell_of_nothing():
    empty = finished(b"M001", table({}))
    assert describe(with_metadata(empty)).metadata == Metadata()
    assert describe(with_metadata(finished(b"M001", table({3: vector([table({})])})))).metadata == Metadata()


def test_other_entries_are_no_metadata():
    assert describe(with_metadata(b"1.13.0", "min_runtime_version")).metadata is None


def test_metadata_of_another_kind_are_refused():
    with pytest.raises(Unreadable, match="no flatbuffer of the kind M001"):
        describe(with_metadata(finished(b"M002", table({}))))


@pytest.mark.parametrize("beyond", [0, 1])
def test_metadata_may_lie_behind_the_flatbuffer_as_in_large_models(beyond: int):
    packed = finished(b"M001", table({0: text("behind")}))
    entry = vector([table({0: text("TFLITE_METADATA"), 1: number("I", 0)})])

    def large(offset: int) -> bytes:
        buffer = table({1: number("Q", offset), 2: number("Q", len(packed) + beyond)})
        return model([tensor()], f4=vector([buffer]), f6=entry)

    content = large(len(large(2))) + packed
    if beyond:
        with pytest.raises(Unreadable, match="leads out of the file"):
            describe(content)
    else:
        assert describe(content).metadata == Metadata("behind")


# --- flatbuffers, written by hand


def buffer(*words: int) -> flatbuffer.Flatbuffer:
    """Return a flatbuffer of these 32-bit words behind its identifier; the first is the root's offset."""
    return flatbuffer.Flatbuffer(
        memoryview(struct.pack("<I4s", words[0], b"TEST") + struct.pack(f"<{len(words) - 1}I", *words[1:])), b"TEST"
    )


def halves(low: int, high: int) -> int:
    return low | high << 16


# A table at 16 whose vtable lies at 8: its size 6, the table's size 8, one field, 4 bytes into the table.
VTABLE = halves(6, 8), halves(4, 0)


def test_a_field_is_read_where_the_vtable_says():
    table = buffer(16, *VTABLE, 8, 42).root()
    assert (table.number(0, "I"), table.number(0, "H"), table.number(1, "I", 7)) == (42, 42, 7)


def test_a_field_that_is_not_there_is_empty():
    table = buffer(16, *VTABLE, 8, 42).root()
    assert (table.table(5), len(table.vector(5)), table.text(5)) == (None, 0, "")
    assert table.vector(5).numbers("i") == ()


def test_strings_and_vectors_are_read():
    table = buffer(16, *VTABLE, 8, 4, 3, int.from_bytes(b"abc\0", "little")).root()
    assert table.text(0) == "abc"
    assert table.vector(0).numbers("B") == (97, 98, 99)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((16, *VTABLE, 8), "leads out of the file"),
        ((1000, *VTABLE, 8, 4), "leads out of the file"),
        ((0, *VTABLE, 8, 4), "leads nowhere"),
        ((16, *VTABLE, 1000, 4), "leads out of the file"),
        ((16, *VTABLE, 2**32 - 1000, 4), "leads out of the file"),
        ((16, halves(2, 8), halves(4, 0), 8, 4), "no sound list of fields"),
        ((16, halves(3, 8), halves(4, 0), 8, 4), "no sound list of fields"),
        ((16, halves(5, 8), halves(4, 0), 8, 4), "no sound list of fields"),
        ((16, halves(6000, 8), halves(4, 0), 8, 4), "leads out of the file"),
        ((16, halves(6, 8), halves(2, 0), 8, 4), "lies outside of its table"),
        ((16, halves(6, 8), halves(6, 0), 8, 4), "lies outside of its table"),
        ((16, *VTABLE, 8, 0), "leads nowhere"),
        ((16, *VTABLE, 8, 1000), "leads out of the file"),
        ((16, *VTABLE, 8, 4, 1000), "leads out of the file"),
        ((16, *VTABLE, 8, 4, 2**32 - 1), "more parts than any model"),
    ],
)
def test_an_offset_that_leads_elsewhere_is_refused(words: tuple[int, ...], told: str):
    with pytest.raises(Unreadable, match=told):
        buffer(*words).root().vector(0).numbers("i")


@pytest.mark.parametrize("index", [-1, 2, 2**31])
def test_a_part_that_is_not_there_is_refused(index: int):
    vector = buffer(16, *VTABLE, 8, 4, 2, 4, 4).root().vector(0)
    with pytest.raises(Unreadable, match="of 2 parts is meant"):
        vector.table(index)


def test_what_is_told_a_thousand_times_is_not_read_a_thousand_times():
    text = int.from_bytes(b"abcd", "little")
    table = buffer(16, *VTABLE, 8, 4, 4000, *[text] * 1000).root()
    for _ in range(40):
        assert len(table.text(0)) == 4000
    with pytest.raises(Unreadable, match="more parts than any model"):
        [table.text(0) for _ in range(20)]


# --- the options of an operator: {"a": 300, "b": 7} and a text, as FlexBuffers writes them


def flex(values: list[tuple[str, int, int]]) -> bytes:
    """Return a map of (key, type, value), all of a byte's width; keys in order."""
    keys = b"".join(name.encode() + b"\0" for name, _, _ in values)
    places = [keys.index(name.encode() + b"\0") for name, _, _ in values]
    content = keys + bytes([len(values)])
    vector = len(content)
    content += bytes(vector + index - place for index, place in enumerate(places))
    content += bytes([len(content) - vector, 1, len(values)])
    start = len(content)
    content += bytes(value for _, _, value in values) + bytes(kind << 2 for _, kind, _ in values)
    return content + bytes([len(content) - start, 9 << 2, 1])


def test_whole_numbers_are_read_from_the_options_of_an_operator():
    assert flexbuffer.integers(flex([("a", 1, 250), ("bc", 2, 250), ("d", 3, 1)])) == {"a": -6, "bc": 250}


def test_more_options_than_any_operator_has_are_refused():
    sound = bytearray(flex([("a", 1, 1)]))
    sound[-6] = 101  # how many there are
    with pytest.raises(Unreadable, match="more options than any"):
        flexbuffer.integers(bytes(sound))


def test_options_of_another_kind_are_refused():
    sound = flex([("a", 1, 1)])
    with pytest.raises(Unreadable, match="are no map"):
        flexbuffer.integers(sound[:-2] + bytes([10 << 2, 1]))


@pytest.mark.parametrize("content", [b"", b"ab", bytes(3), b"\x00\x00\x14\x01", flex([("a", 1, 1)])[1:-1]])
def test_options_that_are_no_map_are_refused(content: bytes):
    with pytest.raises(Unreadable):
        flexbuffer.integers(content)


def test_options_that_lead_out_of_themselves_are_refused():
    sound = flex([("a", 1, 1), ("b", 2, 2)])
    for place in range(len(sound)):
        for value in (0, 1, 127, 255):
            try:
                flexbuffer.integers(sound[:place] + bytes([value]) + sound[place + 1 :])
            except Unreadable:
                continue
