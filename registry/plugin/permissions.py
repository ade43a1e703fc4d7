"""Asks for a permission before any change that MLflow's store is asked for.

Every door to the registry leads through the store: REST, the UI, MLflow's clients. So the question
stands around all of its methods that change something, and a new one of MLflow's is asked about
without anybody remembering it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from mlflow.store.model_registry.abstract_store import AbstractStore

from infra.identity.current import current_caller
from infra.identity.os_user import os_user
from infra.identity.principal import NOBODY, Principal
from registry.access.domain.verbs import OF_TOKENS_ALONE, Verb
from registry.access.scopes import require_covered
from registry.domain.values import GOVERNED_ALIASES, GOVERNED_STAGES, Stage
from registry.plugin import governed
from registry.plugin.mlflow_errors import translated

_READING = ("get_", "search_", "list_", "supports_")
# A webhook's URL may hold a token, so to see one takes the permission too.
_ASKED_TOO = ("get_webhook", "list_webhooks")

_Store = TypeVar("_Store", bound=type)


@dataclass(frozen=True, slots=True)
class Need:
    """A permission that a call takes; `name` is None for one of the whole platform."""

    verb: Verb
    name: str | None = None
    stage: Stage | None = None


def asking_first(store: _Store) -> _Store:
    """Have each method of a store that changes something ask whether its caller may."""
    for name in dir(AbstractStore):
        if name in _ASKED_TOO or not name.startswith(("_", *_READING)):
            setattr(store, name, _asking(name, getattr(store, name)))
    return store


def needs(called: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Need]:
    """Yield the permissions that a call of the store takes.

    Args:
        called: name of the method.
        args, kwargs: as MLflow gives them.
    """
    given = dict(zip(_PARAMETERS.get(called, ("name",)), args, strict=False)) | kwargs
    name, verb = _name(given.get("name")), _verb(called)
    match called:
        case "transition_model_version_stage":
            # What is no stage is MLflow's own error, for those who may ask for any.
            target = Stage.parse(str(given.get("stage"))) or Stage.PRODUCTION
            is_asked = target in GOVERNED_STAGES
            yield Need(Verb.ASK, name, target) if is_asked else Need(Verb.RETIRE, name)
        case "set_registered_model_alias" | "delete_registered_model_alias":
            stage = GOVERNED_ALIASES.get(str(given.get("alias")).lower())
            if stage is None:
                yield Need(verb, name)
            elif called.startswith("set_"):
                yield Need(Verb.ASK, name, stage)
            else:
                yield Need(Verb.RETIRE, name)
        case "rename_registered_model":
            yield Need(verb, name)
            yield Need(Verb.REGISTER, _name(given.get("new_name")))
        case _:
            yield Need(verb, name if verb.has_name else None)


def _asking(called: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        translated(_require)(self, called, args, kwargs)
        return method(self, *args, **kwargs)

    return call


def _require(store: Any, called: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    who = _who()
    for need in needs(called, args, kwargs):
        if need.verb in OF_TOKENS_ALONE:
            require_covered(who, need.verb, need.name, need.stage)
        else:
            store.registry.access.require(who, need.verb, need.name, need.stage)


def _who() -> Principal:
    caller = current_caller()
    if caller is not None:
        return caller.principal
    # In a server everything is done for somebody: what lost its caller is nobody's.
    return NOBODY if governed.in_server else Principal(os_user())


def _name(given: object) -> str | None:
    return None if given is None else str(given)


_PARAMETERS = {
    "transition_model_version_stage": ("name", "version", "stage"),
    "set_registered_model_alias": ("name", "alias", "version"),
    "delete_registered_model_alias": ("name", "alias"),
    "rename_registered_model": ("name", "new_name"),
}


def _verb(called: str) -> Verb:
    if "webhook" in called:
        return Verb.MANAGE_WEBHOOKS
    if called.endswith(("_tag", "_alias")) or called.startswith("update_"):
        return Verb.DESCRIBE
    if called.startswith(("create_", "copy_")):
        return Verb.REGISTER
    if called.startswith(("delete_", "rename_")):
        return Verb.RETIRE
    return Verb.OTHER
