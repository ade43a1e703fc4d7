"""Translates the event names of Databricks' registry webhooks.

Source: `RegistryWebhookEvent` of Databricks' REST API (model registry, registry webhooks).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alias:
    """What a name of Databricks means here.

    Attributes:
        type: the platform's event type.
        stage: MLflow's name of the only stage that it is about; None for every stage.
    """

    type: str
    stage: str | None = None


_MOVED = "model_version.transitioned_stage"
_ASKED = "transition_request.created"

ALIASES: Mapping[str, Alias] = {
    "MODEL_VERSION_CREATED": Alias("model_version.created"),
    "MODEL_VERSION_TRANSITIONED_STAGE": Alias(_MOVED),
    "MODEL_VERSION_TRANSITIONED_TO_STAGING": Alias(_MOVED, "Staging"),
    "MODEL_VERSION_TRANSITIONED_TO_PRODUCTION": Alias(_MOVED, "Production"),
    "MODEL_VERSION_TRANSITIONED_TO_ARCHIVED": Alias(_MOVED, "Archived"),
    "TRANSITION_REQUEST_CREATED": Alias(_ASKED),
    "TRANSITION_REQUEST_TO_STAGING_CREATED": Alias(_ASKED, "Staging"),
    "TRANSITION_REQUEST_TO_PRODUCTION_CREATED": Alias(_ASKED, "Production"),
    "TRANSITION_REQUEST_TO_ARCHIVED_CREATED": Alias(_ASKED, "Archived"),
}

WITHOUT_EVENT = ("COMMENT_CREATED", "MODEL_VERSION_TAG_SET", "REGISTERED_MODEL_CREATED")
"""Names of Databricks that nothing in the audit trail corresponds to."""


def names_of(type: str, stage: str | None, data: Mapping[str, object]) -> tuple[str, ...]:
    """Return every name that Databricks gives to such an event, the general one first."""
    # A request for a copy or an alias is no request for a stage.
    if type == _ASKED and data.get("kind") != "transition":
        return ()
    return tuple(
        name
        for name, alias in ALIASES.items()
        if alias.type == type and alias.stage in {None, stage}
    )
