"""Opens MLflow's stores before the port, so that a broken server never listens."""

from __future__ import annotations

from mlflow.exceptions import MlflowException
from mlflow.server import handlers

from infra.component import BrokenComponentError
from infra.errors import UnavailableError
from infra.settings import Settings
from registry.plugin.store import GovernedStore
from registry.settings import registry_uri


def open_stores(settings: Settings) -> GovernedStore:
    """Open the tracking store and the governed registry store; return the latter.

    Raises:
        BrokenComponentError: MLflow resolved the registry to a store that is not the platform's.
        UnavailableError: a store cannot be opened.
    """
    try:
        handlers.initialize_backend_stores(
            settings.sqlalchemy_url, registry_uri(settings), "mlflow-artifacts:/"
        )
        found = handlers._get_model_registry_store()
    except MlflowException as err:
        raise UnavailableError(f"MLflow's stores cannot be opened: {err.message}") from err
    if not isinstance(found, GovernedStore):
        raise BrokenComponentError(
            f"expected the governed store under {registry_uri(settings).split(':')[0]}://, "
            f"found {type(found).__name__}",
            hint="reinstall the platform (in a clone: make setup)",
        )
    return found
