"""What a .tflite consists of, and which accelerator takes which of its operators, with the reason where not.

* `cpu`: XNNPACK, which is asked itself: the runtime on this machine tells what it left out. What it leaves runs in the
  runtime's own kernels, on the processor too, and each of them splits what is run in one go.
* `edgetpu`: the Edge TPU's compiler maps one run of operators, from the first on: behind one that it does not take all
  others stay on the processor.
* `gpu`: by the published list.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tapetum.inference.tflite import runtime
from tapetum_trainer import graph, support
from tapetum_trainer.errors import ModelError
from tapetum_trainer.evaluate.words import table

ACCELERATORS = ("cpu", "edgetpu", "gpu")
_BEHIND = "it stands behind one that is not taken"
_CUSTOM = 32  # of the schema's BuiltinOperator


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator. dtypes: of what goes in and comes out, constants left out; shape: of its first output.

    refused: accelerator -> why it does not take it, "" where it does; in the order of `ACCELERATORS`.
    """

    index: int
    kind: str
    version: int
    dtypes: tuple[str, ...]
    shape: tuple[int, ...]
    refused: dict[str, str]


@dataclass(frozen=True, slots=True)
class Inventory:
    """All operators of a model, in order of execution."""

    bytes: int
    operators: tuple[Operator, ...]

    def taken(self, accelerator: str) -> int:
        """Return how many operators the accelerator takes."""
        return sum(not one.refused[accelerator] for one in self.operators)

    def whole(self, accelerator: str) -> bool:
        """Return whether the accelerator takes all of them."""
        return self.taken(accelerator) == len(self.operators)


def inventory(content: bytes) -> Inventory:
    """Return what the model `content` consists of; raises ModelError when it is none."""
    model = graph.with_kinds_told(graph.read(content))
    part = model.subgraphs[0]
    constants = _constants(model, part)
    views = [_view(model, part, operator, constants) for operator in part.operators]
    left_out = _left_by_xnnpack(content, len(views))
    found = []
    mapped = True
    for index, view in enumerate(views):
        reason = support.edge_tpu(view)
        refused = {
            "cpu": "XNNPACK leaves it to the runtime's own kernels" if index in left_out else "",
            "edgetpu": reason if reason or mapped else _BEHIND,
            "gpu": support.gpu(view),
        }
        mapped = mapped and not reason
        shape = view.shapes[-1] if view.shapes else ()
        found.append(Operator(index, view.kind, view.version, tuple(sorted(set(view.dtypes))), shape, refused))
    return Inventory(len(content), tuple(found))


def _view(model: Any, part: Any, operator: Any, known: frozenset[int]) -> support.View:
    """Return the operator as the rules look at it; `known`: the tensors that are constants."""
    number, version = graph.kind_of(model, operator)
    constants = frozenset(place for place, index in enumerate(operator.inputs) if index in known)
    moving = [index for place, index in enumerate(operator.inputs) if place not in constants and index >= 0]
    tensors = [part.tensors[index] for index in (*moving, *operator.outputs)]
    return support.View(
        kind=_kind(model, operator, number),
        version=version,
        dtypes=tuple(graph.type_name(one) for one in tensors),
        shapes=tuple(tuple(map(int, one.shape if one.shape is not None else ())) for one in tensors),
        constants=constants,
        options=operator.builtinOptions,
    )


def _kind(model: Any, operator: Any, number: int) -> str:
    if number == _CUSTOM:
        name = model.operatorCodes[operator.opcodeIndex].customCode or b"custom"
        return name.decode(errors="replace") if isinstance(name, bytes) else str(name)
    return graph.kind_name(number)


def _constants(model: Any, part: Any) -> frozenset[int]:
    """Return the tensors whose numbers are in the file, and those that are such numbers widened from float16."""
    found = {index for index, tensor in enumerate(part.tensors) if _is_kept(model, tensor)}
    for operator in part.operators:
        if _kind(model, operator, graph.kind_of(model, operator)[0]) == "DEQUANTIZE" and operator.inputs[0] in found:
            found.update(map(int, operator.outputs))
    return frozenset(found)


def _is_kept(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _left_by_xnnpack(content: bytes, count: int) -> frozenset[int]:
    """Return the operators that the runtime did not give to XNNPACK.

    It lists the model's operators, and behind them what stands for them: for each such, all that lies between its
    inputs and its outputs is given away.
    """
    try:
        interpreter = runtime().Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"the runtime cannot load it: {' '.join(str(error).split())[:200]}") from None
    told = interpreter._get_ops_details()  # noqa: SLF001  nothing public tells it
    makers = {int(tensor): one["index"] for one in told[:count] for tensor in one["outputs"]}
    given = {index for one in told[count:] for index in _between(one, told, makers)}
    return frozenset(range(count)) - given


def _between(block: dict[str, Any], told: list[dict[str, Any]], makers: dict[int, int]) -> Iterator[int]:
    """Yield the operators from which the block's outputs come, back to its inputs."""
    ends = set(map(int, block["inputs"]))
    waiting = [int(tensor) for tensor in block["outputs"]]
    seen: set[int] = set()
    while waiting:
        index = makers.get(waiting.pop())
        if index is not None and index not in seen:
            seen.add(index)
            yield index
            waiting += [tensor for tensor in map(int, np.atleast_1d(told[index]["inputs"])) if tensor not in ends]


def text(found: Inventory) -> str:
    """Return the operators as a table, those alike in one line, and what each accelerator takes."""
    count = len(found.operators)
    lines = [f"{count} operators, {found.bytes} bytes", ""]
    alike = Counter((one.kind, one.version, one.dtypes, tuple(one.refused.values())) for one in found.operators)
    rows = [
        (kind, f"v{version}", ", ".join(dtypes), str(number), *("-" if reason else "yes" for reason in reasons))
        for (kind, version, dtypes, reasons), number in alike.items()
    ]
    lines += table([("operator", "version", "types", "count", *ACCELERATORS), *rows])
    for name in ACCELERATORS:
        lines += ["", f"{name}: takes {found.taken(name)} of {count}", *_reasons(found, name)]
    return "\n".join(lines) + "\n"


def _reasons(found: Inventory, name: str) -> list[str]:
    reasons = Counter(
        (one.kind, one.refused[name]) for one in found.operators if one.refused[name] not in ("", _BEHIND)
    )
    behind = sum(one.refused[name] == _BEHIND for one in found.operators)
    told = [f"  {number} {kind}: {reason}" for (kind, reason), number in reasons.items()]
    return told + ([f"  {behind} more stay on the processor, since they stand behind it"] if behind else [])
