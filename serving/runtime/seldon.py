"""Seldon's REST protocol, version 1: predictions, feedback and metadata.

seldon-core's own reader and writer of messages are not used: they run `np.array` over the rows,
which turns the numbers beside a text column into text, whole numbers beside real ones into real
ones, and a ragged row into a 500.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seldon_core.metadata import validate_model_metadata
from seldon_core.utils import get_request_path, json_to_feedback

from serving.runtime.answers import plain
from serving.runtime.body import check_untyped
from serving.runtime.folding import flattened, folded
from serving.runtime.options import Identity
from serving.runtime.outputs import Output, Prediction, Table, normalise
from serving.runtime.payload import Named, Payload, Records, Rows, parameters
from serving.runtime.problem import bad_request, few, kind_of
from serving.runtime.signature import Signature
from serving.runtime.v2 import described

_PAYLOADS = "data.ndarray, data.tensor or jsonData"
_ONE_OF = frozenset({"data", "jsonData", "binData", "strData", "customData"})
_WITH_PARAMS = ({"dataframe_split", "params"}, {"dataframe_records", "params"})
_PUID_CHARACTERS = 256
"""Longest `puid`: it comes back in a header, which proxies bound too."""
_REWARD_LIMIT = 3.4028234663852886e38
"""Largest reward: Seldon's protobuf declares a 32-bit float."""
_MESSAGE_CHARACTERS = 300
"""Most characters of another library's message in an answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed prediction request."""

    payload: Payload
    wants_tensor: bool
    tags: dict[str, object]
    puid: str
    params: Mapping[str, object] | None = None


def parse(message: object, header_puid: str | None) -> Request:
    """Parse a SeldonMessage.

    Raises:
        ProblemError: 400, the message is not one, or carries no table.
    """
    if not isinstance(message, dict):
        raise bad_request(f"expected a JSON object with {_PAYLOADS}, found {kind_of(message)}")
    meta = message.get("meta")
    if meta is None:
        meta = {}
    if not isinstance(meta, dict):
        raise bad_request(f"meta: expected an object, found {kind_of(meta)}")
    tags = meta.get("tags")
    if tags is None:
        tags = {}
    if not isinstance(tags, dict):
        raise bad_request(f"meta.tags: expected an object, found {kind_of(tags)}")
    check_untyped(tags, "meta.tags", nan=False)
    puid = _puid(meta.get("puid"), header_puid)
    params = parameters(message.get("params"), "params")
    found = _ONE_OF.intersection(message)
    if found == {"data"}:
        payload = _data(message["data"])
        return Request(payload, "tensor" in message["data"], tags, puid, params)
    if found == {"jsonData"}:
        data, params = _params_beside(message["jsonData"], params)
        return Request(_json_data(data), True, tags, puid, params)
    if found:
        raise bad_request(f"expected one of {_PAYLOADS}, found {' and '.join(sorted(found))}")
    raise bad_request(f"expected {_PAYLOADS}, found {_keys(message)}")


def _puid(sent: object, header: str | None) -> str:
    puid = sent if sent not in (None, "") else header or uuid.uuid4().hex
    if (
        not isinstance(puid, str)
        or not (puid.isascii() and puid.isprintable())
        or puid != puid.strip()
        or len(puid) > _PUID_CHARACTERS
    ):
        raise bad_request(
            f"meta.puid: expected plain ASCII text of at most {_PUID_CHARACTERS} characters, "
            f"found {kind_of(puid)}"
        )
    return puid


def _keys(found: dict[str, object]) -> str:
    return f"the keys {few(sorted(found))}"


def _data(data: object) -> Payload:
    if not isinstance(data, dict):
        raise bad_request(f"data: expected an object, found {kind_of(data)}")
    if data.keys() - {"names"} not in ({"ndarray"}, {"tensor"}):
        raise bad_request(f"data: expected ndarray or tensor, and names, found {_keys(data)}")
    names = _names(data.get("names"), "data.names")
    if "tensor" in data:
        return Rows(_tensor_rows(data["tensor"]), names)
    rows = data["ndarray"]
    if not isinstance(rows, list):
        raise bad_request(f"data.ndarray: expected a list, found {kind_of(rows)}")
    return Rows(rows, names)


def _names(names: object, label: str) -> list[str] | None:
    if names is None or names == []:
        return None
    if not isinstance(names, list):
        raise bad_request(f"{label}: expected a list of strings, found {kind_of(names)}")
    if set(map(type, names)) != {str}:
        other = next(name for name in names if not isinstance(name, str))
        raise bad_request(f"{label}: expected a list of strings, found {kind_of(other)} in it")
    return names


def _tensor_rows(tensor: object) -> list[object]:
    if not isinstance(tensor, dict):
        raise bad_request(f"data.tensor: expected an object, found {kind_of(tensor)}")
    values, shape = tensor.get("values"), tensor.get("shape")
    if not isinstance(values, list):
        raise bad_request(f"data.tensor.values: expected a list, found {kind_of(values)}")
    return folded(*flattened(values, shape, "data.tensor"))


def _params_beside(
    data: object, params: Mapping[str, object] | None
) -> tuple[object, Mapping[str, object] | None]:
    """Split `params` from MLflow's forms, where they come beside the table."""
    if not isinstance(data, dict) or data.keys() not in _WITH_PARAMS:
        return data, params
    if params is not None:
        raise bad_request("params: expected them once, found them in jsonData too")
    rest = {name: value for name, value in data.items() if name != "params"}
    return rest, parameters(data["params"], "jsonData.params")


def _json_data(data: object) -> Payload:
    """Read a list of rows or records, one record, or MLflow's `dataframe_*` forms."""
    if isinstance(data, dict) and len(data) == 1:
        if isinstance(records := data.get("dataframe_records"), list):
            return _json_data(records)
        if isinstance(split := data.get("dataframe_split"), dict):
            return _split(split)
    if isinstance(data, dict):
        if data and all(isinstance(cells_, list) for cells_ in data.values()):
            return Named(data)
        return Records([data])
    if isinstance(data, list):
        if data and all(isinstance(row, dict) for row in data):
            return Records(data)
        return Rows(data)
    raise bad_request(
        f"jsonData: expected a list of rows or records, or one record, found {kind_of(data)}"
    )


def _split(split: dict[str, object]) -> Payload:
    label = "dataframe_split"
    if "data" not in split or set(split) - {"data", "columns", "index"}:
        raise bad_request(f"{label}: expected columns, data and index, found {_keys(split)}")
    rows, columns = split["data"], split.get("columns")
    if not isinstance(rows, list):
        raise bad_request(f"{label}.data: expected a list, found {kind_of(rows)}")
    if isinstance(columns, list):
        # A table made from an array has the columns 0, 1, 2.
        columns = [str(name) if type(name) is int else name for name in columns]
    return Rows(rows, _names(columns, f"{label}.columns"))


def respond(request: Request, raw: object, identity: Identity) -> dict[str, Any]:
    """Build the SeldonMessage that answers `request`.

    Raises:
        ProblemError: 500, the model returned something that the protocol cannot carry.
    """
    meta = {
        "tags": request.tags | own_tags(identity),
        "requestPath": get_request_path(),
        "puid": request.puid,
    }
    return {**_carried(normalise(raw), request.wants_tensor), "meta": meta}


def _carried(prediction: Prediction, wants_tensor: bool) -> dict[str, Any]:
    match prediction:
        case dict():
            return {"jsonData": plain(prediction)}
        case bytes():
            return {"binData": plain(prediction)}
        case str():
            return {"strData": prediction}
        case Table(columns, rows):
            shape: tuple[int, ...] = (rows, len(columns))
            numeric = all(column.numeric for column in columns)
            table: list[Any] = [list(row) for row in zip(*(c.values for c in columns), strict=True)]
            names = [column.name for column in columns]
            if not (wants_tensor and numeric):
                return {"data": {"names": names, "ndarray": table or [[] for _ in range(rows)]}}
            values: list[object] = [cell for row in table for cell in row]
        case Output(_, _, shape, values):
            names = [f"t:{index}" for index in range(shape[1])] if len(shape) > 1 else []
            if not (wants_tensor and prediction.numeric):
                return {"data": {"names": names, "ndarray": prediction.nested()}}
    return {"data": {"names": names, "tensor": {"shape": list(shape), "values": values}}}


def own_tags(identity: Identity) -> dict[str, object]:
    """Return the tags that say who answered.

    Not the predictor: a canary that is promoted becomes the default without a restart, and only
    the gateway knows.
    """
    return {"model_version": identity.model_version}


def feedback_reward(message: object) -> float:
    """Return the reward of a Feedback message.

    Raises:
        ProblemError: 400, it is not a Feedback message, or its reward is no finite number.
    """
    if not isinstance(message, dict):
        raise bad_request(f"expected a Feedback object, found {kind_of(message)}")
    reward = message.get("reward", 0.0)
    if (
        isinstance(reward, bool)
        or not isinstance(reward, int | float)
        or not -_REWARD_LIMIT <= reward <= _REWARD_LIMIT
    ):
        raise bad_request(
            f"reward: expected a finite number of at most {_REWARD_LIMIT:.2g}, "
            f"found {kind_of(reward)}"
        )
    try:
        json_to_feedback(message | {"reward": 0.0})
    except Exception as err:  # it reads nothing but the client's message
        reason = str(getattr(err, "message", err))[:_MESSAGE_CHARACTERS]
        raise bad_request(f"expected a Feedback object: {reason}") from None
    return float(reward)


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
