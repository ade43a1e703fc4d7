"""The Open Inference Protocol ("V2"), JSON form.

Source: the Open Inference Protocol's REST specification; the binary-tensor extension is refused.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from typing import Any

import numpy as np

from serving.runtime.columns import Array
from serving.runtime.folding import flattened, folded
from serving.runtime.inputs import Named, Payload, Rows
from serving.runtime.options import Identity
from serving.runtime.outputs import normalise, to_json
from serving.runtime.problem import ProblemError, bad_request, kind_of
from serving.runtime.signature import Column, Signature, Tensor

_NUMPY_TO_V2 = {
    "bool": "BOOL",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
}
_DATATYPES = frozenset(_NUMPY_TO_V2.values()) | {"BYTES"}


def described(signature: Signature) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the signature's inputs and outputs as V2 tensor metadata."""
    return (
        _described(signature.columns, signature.tensors, "input"),
        _described(signature.output_columns, signature.output_tensors, "predict"),
    )


def _described(
    columns: tuple[Column, ...], tensors: tuple[Tensor, ...], default: str
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "name": column.name or (default if len(columns) == 1 else f"{default}-{index}"),
            "datatype": column.type.v2_datatype,
            "shape": [-1],
        }
        for index, column in enumerate(columns)
    ]
    found += [
        {
            "name": tensor.name or default,
            "datatype": _NUMPY_TO_V2.get(tensor.numpy_name, "BYTES"),
            "shape": list(tensor.shape),
        }
        for tensor in tensors
    ]
    return found


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


def parse(message: object) -> tuple[Payload, str]:
    """Take an inference request apart.

    Returns:
        The table, and the request's id (made up if the client sent none).

    Raises:
        ProblemError: 400, it is not an inference request.
    """
    if not isinstance(message, dict):
        raise bad_request(f"expected a JSON object with inputs, found {kind_of(message)}")
    inputs = message.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise bad_request(f"inputs: expected a list of tensors, found {kind_of(inputs)}")
    request_id = message.get("id") or str(uuid.uuid4())
    if not isinstance(request_id, str):
        raise bad_request(f"id: expected a string, found {kind_of(request_id)}")
    tensors: dict[str, list[object]] = {}
    for index, tensor in enumerate(inputs):
        name, values = _tensor(tensor, f"inputs[{index}]")
        if name in tensors:
            raise bad_request(f"inputs: expected every name once, found {name!r} twice")
        tensors[name] = values
    if len(tensors) == 1:
        (only,) = tensors.values()
        if _is_table(only):
            return Rows(only), request_id
    return Named({name: _unboxed(values) for name, values in tensors.items()}), request_id


def _is_table(values: list[object]) -> bool:
    """Whether one tensor is all columns at once, in signature order."""
    return bool(values) and isinstance(values[0], list) and len(values[0]) > 1


def _unboxed(values: list[object]) -> list[object]:
    """Shape [n, 1] is as good as [n] for one column; other ranks stay nested."""
    if values and all(isinstance(value, list) and len(value) == 1 for value in values):
        return [value[0] for value in values if isinstance(value, list)]
    return values


def _tensor(tensor: object, label: str) -> tuple[str, list[object]]:
    if not isinstance(tensor, dict):
        raise bad_request(f"{label}: expected an object, found {kind_of(tensor)}")
    name, datatype, values = tensor.get("name"), tensor.get("datatype"), tensor.get("data")
    if not isinstance(name, str) or not name:
        raise bad_request(f"{label}.name: expected a string, found {kind_of(name)}")
    if datatype not in _DATATYPES:
        raise bad_request(
            f"{label}.datatype: expected one of {sorted(_DATATYPES)}, found {kind_of(datatype)}"
        )
    if not isinstance(values, list):
        raise bad_request(
            f"{label}.data: expected a list (binary tensors are not supported), "
            f"found {kind_of(values)}"
        )
    flat = flattened(values)
    parameters = tensor.get("parameters")
    if isinstance(parameters, dict) and parameters.get("content_type") == "base64":
        flat = [_decoded(value, label) for value in flat]
    return name, folded(flat, tensor.get("shape"), label)


def _decoded(value: object, label: str) -> str:
    if not isinstance(value, str):
        raise bad_request(f"{label}.data: expected base64 strings, found {kind_of(value)}")
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise bad_request(f"{label}.data: expected base64 of UTF-8 text") from None


def respond(raw: object, request_id: str, identity: Identity) -> dict[str, Any]:
    """Build the inference response: one output `predict`, or one for each column of a table.

    Raises:
        ProblemError: 500, the model returned something that the protocol cannot carry.
    """
    prediction = normalise(raw)
    value = prediction.value
    if not isinstance(value, np.ndarray):
        text = value if isinstance(value, str) else to_json(value).decode()
        outputs = [{"name": "predict", "shape": [1], "datatype": "BYTES", "data": [text]}]
    elif prediction.names:
        outputs = [
            _output(name, np.asarray(value[:, index].tolist()))
            for index, name in enumerate(prediction.names)
        ]
    else:
        outputs = [_output("predict", value)]
    return {
        "model_name": identity.model_name,
        "model_version": identity.model_version,
        "id": request_id,
        "outputs": outputs,
    }


def _output(name: str, array: Array) -> dict[str, Any]:
    datatype = _NUMPY_TO_V2.get(array.dtype.name)
    flat = array.ravel().tolist()
    if datatype is None:
        datatype = "BYTES"
        flat = [value if isinstance(value, str) else to_json(value).decode() for value in flat]
    return {"name": name, "shape": list(array.shape), "datatype": datatype, "data": flat}


def error_body(problem: ProblemError) -> dict[str, object]:
    """Return the protocol's `error` text, beside the status that Seldon's clients read."""
    return {"error": problem.info, **problem.body()}
