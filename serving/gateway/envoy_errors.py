"""Shapes Envoy's own answers as platform errors."""

from __future__ import annotations

import json

Document = dict[str, object]

HEADERS_KIB = 32
HEADERS_COUNT = 100
HAS_ORIGIN: Document = {"name": "origin", "present_match": True}


def error_mappers() -> list[Document]:
    """Return the mappers of Envoy's own refusals, the most specific first."""
    return [
        _mapper(
            {"and_filter": {"filters": [_status(403), {"header_filter": {"header": HAS_ORIGIN}}]}},
            "infra.origin_not_allowed",
            "expected a host and a page of the gateway's lists, found a foreign one",
            "add the origin to ACGS_ALLOWED_ORIGINS, the host to ACGS_ALLOWED_HOSTS",
        ),
        _mapper(
            _status(403),
            "infra.host_not_allowed",
            "expected a host of the gateway's list, found a foreign one",
            "use the gateway's own address, or add the name to ACGS_ALLOWED_HOSTS",
        ),
        _mapper(
            _status(408),
            "infra.too_slow",
            "expected a faster request, found a stalled one",
            "send headers and body without pauses",
        ),
        _mapper(
            _status(413),
            "infra.body_too_large",
            "expected a smaller body, found one beyond ACGS_GATEWAY_BODY_LIMIT_BYTES",
            "send it in smaller parts",
        ),
        _mapper(
            _status(429),
            "infra.too_many_requests",
            "expected fewer requests, found more than ACGS_GATEWAY_REQUESTS_PER_SECOND of one "
            "address",
            "wait a second",
        ),
        _mapper(
            _status(431),
            "infra.headers_too_large",
            f"expected at most {HEADERS_COUNT} headers and {HEADERS_KIB} KiB, found more",
            "send fewer",
        ),
        _mapper(
            _detail("overload"),
            "infra.server_full",
            "expected room for another request, found the gateway's memory full",
            "try again in a few seconds",
        ),
        _mapper(
            {"response_flag_filter": {"flags": ["UO"]}},
            "infra.server_full",
            "expected a free place for this request, found all taken and others waiting",
            "try again in a few seconds; bodies up to 64 KiB whose length is stated need no place",
        ),
        _unavailable(),
    ]


def answer(match: Document, status: int, code: str, message: str, hint: str) -> Document:
    """Return a route that Envoy answers itself, with a platform error."""
    body = json.dumps({"error_code": code, "message": message, "hint": hint})
    return {
        "match": match,
        "direct_response": {"status": status, "body": {"inline_string": body}},
        "response_headers_to_add": [header("content-type", "application/json")],
    }


def header(name: str, value: str) -> Document:
    """Return a header that an answer gets, whatever the model server said."""
    return {
        "header": {"key": name, "value": value},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def _unavailable() -> Document:
    """Return the mapper of all other errors of Envoy; direct answers have the shape already."""
    return {
        "filter": {"response_flag_filter": {}},
        "body_format_override": {
            "json_format": {
                "error_code": "serving.unavailable",
                "message": "%LOCAL_REPLY_BODY%",
                "hint": "the model server did not answer (%RESPONSE_FLAGS%); try again",
            }
        },
    }


def _status(code: int) -> Document:
    value = {"default_value": code, "runtime_key": f"acgs.local_reply.{code}"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}


def _detail(wanted: str) -> Document:
    """Return a filter by Envoy's own reason: an overloaded one sets no flag."""
    kind = "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
    expression = f"response.code_details == '{wanted}'"
    return {
        "extension_filter": {
            "name": "envoy.access_loggers.extension_filters.cel",
            "typed_config": {"@type": kind, "expression": expression},
        }
    }


def _mapper(where: Document, code: str, message: str, hint: str) -> Document:
    shape = {"error_code": code, "message": message, "hint": hint}
    return {"filter": where, "body_format_override": {"json_format": shape}}
