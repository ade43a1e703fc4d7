"""Renders what people see of a request as a page.

The page without forms is what a vote keeps. It is a function of the facts alone, and names their
digest. The page that somebody votes on is the same with forms below.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from infra.identity.open_mode import NOTICE
from registry.domain.canonical import bytes_digest, digest
from registry.domain.reasons import Reason, causes

_ROOT = "../../"
_OUTCOMES = {
    "pass": "passed",
    "fail": "failed",
    "error": "error",
    "insufficient": "insufficient evidence",
    "not_applicable": "not applicable",
}


@dataclass(frozen=True, slots=True)
class Forms:
    """What a visitor may do on the page.

    Attributes:
        who: visitor's name; empty where the visitor gave none.
        screen: digest of the page without forms, which a vote names.
        token: proves that a form comes from this server's page for this visitor.
        may_say_who: whether the visitor may type a name, which is a claim.
        roles: in which the visitor approves.
        lenders: people who lent the visitor their vote.
        error: why what was tried was not done; empty for nothing.
        done: what was done; empty for nothing.
        text: comment that was not taken, so that nobody types it twice.
    """

    who: str
    screen: str
    token: str
    may_say_who: bool = False
    roles: Sequence[str] = ()
    lenders: Sequence[str] = ()
    error: str = ""
    done: str = ""
    text: str = ""


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"path": _quoted, "time": _time}
    return found


def render(facts: Mapping[str, Any], forms: Forms | None = None) -> str:
    """Return the page, with forms if somebody may act on it."""
    request, verdict = facts["request"], facts["verdict"]
    document: Mapping[str, Any] = verdict["document"] if verdict else {}
    decision = request["decision"]
    values: dict[str, Any] = {
        **facts,
        "root": _ROOT,
        "notice": NOTICE if facts["names_are_claims"] else "",
        "facts_digest": digest(facts),
        "is_open": request["state"] == "open",
        "candidate": {key: request[key] for key in ("name", "semver", "version")},
        "rules": _rules(document),
        "min_score": document.get("min_score"),
        "causes": causes(Reason(**one) for one in verdict["reasons"]) if verdict else (),
        "decided": causes(Reason(**one) for one in decision.get("reasons", [])),
        "warnings": causes(Reason(**one) for one in decision.get("warnings", [])),
        "waiting_for": decision.get("waiting_for"),
        "plan_text": json.dumps(facts["plan"], indent=2, ensure_ascii=False, sort_keys=True),
        "forms": forms,
    }
    return _environment().get_template("request.html").render(values)


def ask_name(request_id: int, why: str) -> str:
    """Return a page that asks who the visitor is, where names are claims.

    Args:
        request_id: of the request that the visitor wants to see.
        why: the visitor needs a name.
    """
    values = {"id": request_id, "why": why, "notice": NOTICE, "root": _ROOT}
    return _environment().get_template("name.html").render(values)


def digest_of(facts: Mapping[str, Any]) -> str:
    """Return the digest of the page without forms, which a vote names."""
    return bytes_digest(render(facts).encode())


def _rules(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rules by which a model was judged, those that did not pass first."""
    found = [
        {**rule, "principle": principle["title"], "said": _OUTCOMES[rule["outcome"]]}
        for principle in document.get("principles", ())
        for rule in principle["rules"]
    ]
    return sorted(found, key=lambda rule: rule["outcome"] in {"pass", "not_applicable"})


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _time(moment: str) -> str:
    return moment[:19].replace("T", " ") + " UTC"
