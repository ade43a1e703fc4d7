"""The Open Inference Protocol ("V2"), JSON form.

Source: the Open Inference Protocol's REST specification; the binary-tensor extension is refused.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.runtime.answers import NUMPY_TO_V2
from serving.runtime.datatypes import DATATYPES, check_datatype
from serving.runtime.folding import flattened, folded
from serving.runtime.options import Identity
from serving.runtime.outputs import Output, normalise, outputs_of, to_json
from serving.runtime.payload import Payload, Tensors, parameters
from serving.runtime.problem import ProblemError, bad_request, kind_of
from serving.runtime.signature import Column, Signature, Tensor


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed inference request.

    Attributes:
        outputs: names of the outputs that the client asks for; empty for all.
    """

    payload: Payload
    id: str
    outputs: tuple[str, ...]
    params: Mapping[str, object] | None = None


def described(signature: Signature) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the signature's inputs and outputs as V2 tensor metadata."""
    return (
        _described(signature.columns or signature.tensors, signature.input_names),
        _described(signature.output_columns or signature.output_tensors, signature.output_names),
    )


def _described(specs: Sequence[Column | Tensor], names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {"name": name, "datatype": _datatype(spec), "shape": _shape(spec)}
        for spec, name in zip(specs, names, strict=True)
    ]


def _datatype(spec: Column | Tensor) -> str:
    if isinstance(spec, Column):
        return spec.type.v2_datatype
    return NUMPY_TO_V2.get(spec.numpy_name, "BYTES")


def _shape(spec: Column | Tensor) -> list[int]:
    return [-1] if isinstance(spec, Column) else list(spec.shape)


def model_metadata(signature: Signature, identity: Identity) -> dict[str, Any]:
    """Answer GET /v2/models/NAME."""
    inputs, outputs = described(signature)
    return {
        "name": identity.model_name,
        "versions": [identity.model_version],
        "platform": "mlflow",
        "inputs": inputs,
        "outputs": outputs,
    }


def parse(message: object) -> Request:
    """Parse an inference request. A client that sent no id is given one.

    Raises:
        ProblemError: 400, it is not an inference request.
    """
    if not isinstance(message, dict):
        raise bad_request(f"expected a JSON object with inputs, found {kind_of(message)}")
    inputs = message.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise bad_request(f"inputs: expected a list of tensors, found {kind_of(inputs)}")
    request_id = message.get("id")
    if not isinstance(request_id, str | None):
        raise bad_request(f"id: expected a string, found {kind_of(request_id)}")
    tensors: dict[str, list[object]] = {}
    for index, tensor in enumerate(inputs):
        name, values = _tensor(tensor, f"inputs[{index}]")
        if name in tensors:
            raise bad_request(f"inputs: expected every name once, found {name[:60]!r} twice")
        tensors[name] = values
    outputs = _requested(message.get("outputs"))
    params = parameters(message.get("parameters"), "parameters")
    return Request(Tensors(tensors), request_id or str(uuid.uuid4()), outputs, params)


def _requested(outputs: object) -> tuple[str, ...]:
    if outputs is None:
        return ()
    if not isinstance(outputs, list):
        raise bad_request(f"outputs: expected a list of outputs, found {kind_of(outputs)}")
    names: list[str] = []
    for index, output in enumerate(outputs):
        name = output.get("name") if isinstance(output, dict) else None
        if not isinstance(name, str):
            raise bad_request(f"outputs[{index}]: expected an object with a name")
        if name in names:
            raise bad_request(f"outputs: expected every name once, found {name[:60]!r} twice")
        names.append(name)
    return tuple(names)


def _tensor(tensor: object, label: str) -> tuple[str, list[object]]:
    if not isinstance(tensor, dict):
        raise bad_request(f"{label}: expected an object, found {kind_of(tensor)}")
    name, datatype, values = tensor.get("name"), tensor.get("datatype"), tensor.get("data")
    if not isinstance(name, str):
        raise bad_request(f"{label}.name: expected a string, found {kind_of(name)}")
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        raise bad_request(
            f"{label}.datatype: expected one of {sorted(DATATYPES)}, found {kind_of(datatype)}"
        )
    if not isinstance(values, list):
        raise bad_request(
            f"{label}.data: expected a list (binary tensors are not supported), "
            f"found {kind_of(values)}"
        )
    flat, lengths = flattened(values, tensor.get("shape"), label)
    parameters = tensor.get("parameters")
    if isinstance(parameters, dict) and parameters.get("content_type") == "base64":
        if datatype != "BYTES":
            raise bad_request(f"{label}: expected BYTES where data is base64, found {datatype}")
        return name, folded([_bytes(value, label) for value in flat], lengths)
    check_datatype(datatype, name, flat, lengths)
    return name, folded(flat, lengths)


def _bytes(value: object, label: str) -> bytes:
    if not isinstance(value, str):
        raise bad_request(f"{label}.data: expected base64 strings, found {kind_of(value)}")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise bad_request(f"{label}.data: expected base64 strings, found other text") from None


def respond(
    raw: object, request: Request, signature: Signature, identity: Identity
) -> dict[str, Any]:
    """Build the inference response: one output `predict`, or one for each column of a table.

    Raises:
        ProblemError: 500, the model returned something that the protocol cannot carry; 400, the
            request asks for an output that the answer does not have.
    """
    outputs = outputs_of(normalise(raw), signature.output_names)
    if request.outputs:
        known = {output.name: output for output in outputs}
        unknown = [name for name in request.outputs if name not in known]
        if unknown:
            raise bad_request(f"outputs: expected some of {sorted(known)}, found {unknown[0]!r}")
        names = [output.name for output in outputs]
        twice = [name for name in request.outputs if names.count(name) > 1]
        if twice:
            raise bad_request(
                f"outputs: expected a name that one output has, found {twice[0]!r}, "
                f"which {names.count(twice[0])} have"
            )
        outputs = [known[name] for name in request.outputs]
    return {
        "model_name": identity.model_name,
        "model_version": identity.model_version,
        "id": request.id,
        "outputs": [_output(output) for output in outputs],
    }


def _output(output: Output) -> dict[str, Any]:
    values = output.values
    if output.datatype == "BYTES":
        values = [
            value if value is None or isinstance(value, str) else to_json(value).decode()
            for value in values
        ]
    return {
        "name": output.name,
        "shape": list(output.shape),
        "datatype": output.datatype,
        "data": values,
    }


def error_body(problem: ProblemError) -> dict[str, object]:
    """Return a body with the protocol's `error` text and the status that Seldon's clients read."""
    return {"error": problem.info, **problem.body()}
