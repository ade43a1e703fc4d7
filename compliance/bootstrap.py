"""Builds compliance's parts; importing this module opens nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compliance.settings import compliance_url

if TYPE_CHECKING:
    from compliance.judging.ports import Prober, Registry
    from compliance.judging.service import Judging
    from infra.settings import Settings

SUBSCRIPTION = "compliance"
EVENTS = ("transition_request.created",)


def open_judging(settings: Settings, registry: Registry, prober: Prober) -> Judging:
    """Return `Judging` on this installation's registry and stored verdicts."""
    # Late: judging loads pyarrow, and preparing a storage root judges nothing.
    from compliance.judging.service import Judging
    from compliance.judging.verdict_store import StoredVerdicts
    from infra.secrets import Sealer
    from infra.stores.db import open_engine

    cache = StoredVerdicts(open_engine(settings.sqlalchemy_url), Sealer(settings))
    return Judging(settings, registry, prober, cache)


def subscribe(settings: Settings) -> str:
    """Subscribe the scorer to the registry's new requests; return the shared secret."""
    from compliance.judging.receiver import PATH
    from registry.webhooks.service import ensure_subscription

    return ensure_subscription(settings, SUBSCRIPTION, compliance_url(settings) + PATH, EVENTS)


def prepare(settings: Settings) -> None:
    """Set compliance up before the first role starts; idempotent.

    Raises:
        PlatformError: the constitution or the evidence catalogue is invalid.
    """
    from compliance.constitution import constitution_file
    from compliance.evidence import evidence_file

    constitution_file.load(settings)
    evidence_file.load(settings)
    subscribe(settings)
