"""Seldon's REST protocol, version 1: predictions, feedback and metadata.

seldon-core builds and validates the messages. Its request parser is not used: it runs
`np.array` over the rows, which turns the numbers beside a text column into text and a ragged
row into a 500.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.metadata import validate_model_metadata
from seldon_core.user_model import SeldonComponent
from seldon_core.utils import construct_response_json, json_to_feedback

from serving.runtime.folding import folded
from serving.runtime.inputs import Named, Payload, Rows
from serving.runtime.options import Identity
from serving.runtime.outputs import Prediction, normalise
from serving.runtime.problem import bad_request, kind_of, model_failed
from serving.runtime.signature import Signature
from serving.runtime.v2 import described

_PAYLOADS = "data.ndarray, data.tensor or jsonData"


@dataclass(frozen=True, slots=True)
class Request:
    """A prediction request, taken apart."""

    payload: Payload
    message: dict[str, Any]
    tags: dict[str, object]
    puid: str


def parse(message: object, header_puid: str | None) -> Request:
    """Take a SeldonMessage apart.

    Raises:
        ProblemError: 400, the message is not one, or carries no table.
    """
    if not isinstance(message, dict):
        raise bad_request(f"expected a JSON object with {_PAYLOADS}, found {kind_of(message)}")
    meta = message.get("meta") or {}
    if not isinstance(meta, dict):
        raise bad_request(f"meta: expected an object, found {kind_of(meta)}")
    tags = meta.get("tags") or {}
    if not isinstance(tags, dict):
        raise bad_request(f"meta.tags: expected an object, found {kind_of(tags)}")
    puid = meta.get("puid") or header_puid or uuid.uuid4().hex
    if not isinstance(puid, str) or not puid.isprintable() or not puid.isascii():
        raise bad_request(f"meta.puid: expected plain ASCII text, found {kind_of(puid)}")
    if "data" in message:
        payload = _data(message["data"])
    elif "jsonData" in message:
        payload = _json_data(message["jsonData"])
    else:
        raise bad_request(f"expected {_PAYLOADS}, found the keys {sorted(message)}")
    return Request(payload, message, dict(tags), puid)


def _data(data: object) -> Payload:
    if not isinstance(data, dict):
        raise bad_request(f"data: expected an object, found {kind_of(data)}")
    names = data.get("names") or None
    if names is not None and not (
        isinstance(names, list) and all(isinstance(name, str) for name in names)
    ):
        raise bad_request(f"data.names: expected a list of strings, found {kind_of(names)}")
    if "ndarray" in data:
        rows = data["ndarray"]
        if not isinstance(rows, list):
            raise bad_request(f"data.ndarray: expected a list, found {kind_of(rows)}")
        return Rows(rows, names)
    if "tensor" in data:
        return Rows(_tensor_rows(data["tensor"]), names)
    raise bad_request(f"data: expected ndarray or tensor, found the keys {sorted(data)}")


def _tensor_rows(tensor: object) -> list[object]:
    if not isinstance(tensor, dict):
        raise bad_request(f"data.tensor: expected an object, found {kind_of(tensor)}")
    values, shape = tensor.get("values"), tensor.get("shape")
    if not isinstance(values, list):
        raise bad_request(f"data.tensor.values: expected a list, found {kind_of(values)}")
    return folded(values, shape, "data.tensor")


def _json_data(data: object) -> Payload:
    """Read a list of rows or records, one record, or MLflow's `dataframe_*` forms."""
    if isinstance(data, dict) and len(data) == 1:
        if "dataframe_records" in data:
            return _json_data(data["dataframe_records"])
        split = data.get("dataframe_split")
        if isinstance(split, dict):
            return _data({"ndarray": split.get("data"), "names": split.get("columns")})
    if isinstance(data, dict):
        if data and all(isinstance(cells, list) for cells in data.values()):
            return Named(data)
        return Named({name: [cell] for name, cell in data.items()})
    if isinstance(data, list):
        if data and all(isinstance(row, dict) for row in data):
            return _records(data)
        return Rows(data)
    raise bad_request(
        f"jsonData: expected a list of rows or records, or one record, found {kind_of(data)}"
    )


def _records(records: list[dict[str, object]]) -> Payload:
    names = list(records[0])
    for index, record in enumerate(records):
        if record.keys() != records[0].keys():
            raise bad_request(
                f"jsonData: expected the same keys in every record; record 0 has {names}, "
                f"record {index} has {list(record)}"
            )
    return Named({name: [record[name] for record in records] for name in names})


class _Answer(SeldonComponent):  # type: ignore[misc]
    """What seldon-core asks while it builds one response."""

    def __init__(self, prediction: Prediction) -> None:
        self.prediction = prediction

    def tags(self) -> dict[str, object]:
        return {}

    def class_names(self) -> list[str]:
        # seldon-core asks only when the answer has columns.
        value = self.prediction.value
        width = value.shape[1] if isinstance(value, np.ndarray) else 0
        return self.prediction.names or [f"t:{index}" for index in range(width)]


def respond(request: Request, raw: object, identity: Identity) -> dict[str, Any]:
    """Build the SeldonMessage that answers `request`.

    Raises:
        ProblemError: 500, the model returned something that the protocol cannot carry.
    """
    prediction: Prediction = normalise(raw)
    answer = _Answer(prediction)
    try:
        response: dict[str, Any] = construct_response_json(
            answer,
            False,
            request.message,
            prediction.value,
            {"tags": request.tags},
            None,
            own_tags(identity),
        )
    except SeldonMicroserviceException as err:
        raise model_failed(str(err.message)) from err
    response["meta"]["puid"] = request.puid
    return response


def own_tags(identity: Identity) -> dict[str, object]:
    """Return the tags that say who answered.

    Not the predictor: a canary that is promoted becomes the default without a restart, and only
    the gateway knows.
    """
    return {"model_version": identity.model_version}


def feedback_reward(message: object) -> float:
    """Return the reward of a Feedback message.

    Raises:
        ProblemError: 400, it is not a Feedback message.
    """
    if not isinstance(message, dict):
        raise bad_request(f"expected a Feedback object, found {kind_of(message)}")
    try:
        return float(json_to_feedback(message).reward)
    except SeldonMicroserviceException as err:
        raise bad_request(str(err.message)) from None


def metadata(signature: Signature, identity: Identity) -> dict[str, Any]:
    """Build Seldon's model metadata, validated by seldon-core's own schema."""
    inputs, outputs = described(signature)
    found: dict[str, Any] = validate_model_metadata(
        {
            "name": identity.model_name,
            "versions": [identity.model_version],
            "platform": "mlflow",
            "inputs": inputs,
            "outputs": outputs,
            "custom": {"deployment": identity.deployment},
        }
    )
    return found
