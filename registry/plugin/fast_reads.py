"""MLflow's own answers about a registered model, without loading every version of it.

MLflow 3.17 makes a model's entity from all its versions, to find the newest of each stage, and
its handlers ask for that entity at every tag and alias: 300 ms at 10,000 versions. Here the
database finds the newest of each stage; MLflow's own code makes the entity, so that the answer
is the same. What a rename and a deletion do row by row is one statement each.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.entities.model_registry.model_version_stages import STAGE_DELETED_INTERNAL
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS
from mlflow.store.model_registry.dbmodels.models import (
    SqlModelVersion,
    SqlModelVersionTag,
    SqlRegisteredModel,
    SqlRegisteredModelAlias,
    SqlRegisteredModelTag,
)
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils.time import get_current_time_millis
from mlflow.utils.validation import _validate_model_renaming
from sqlalchemy import and_, delete, func, select, update
from sqlalchemy.exc import IntegrityError


class FastReads(SqlAlchemyStore):
    """MLflow's SQL store, whose cost does not grow with the versions of a model."""

    def _get_registered_model(self, session: Any, name: str, eager: bool = False) -> Any:
        """Return MLflow's row, whose entity is made of the newest versions alone."""
        model = super()._get_registered_model(session, name, eager=eager)
        model.to_mlflow_entity = partial(self._entity, session, model)
        return model

    def _entity(self, session: Any, model: Any) -> RegisteredModel:
        newest = self._newest_of_each_stage(session, [model.name])
        return SqlRegisteredModel.to_mlflow_entity(
            model, preloaded_latest_versions=newest[model.name]
        )

    def _newest_of_each_stage(self, session: Any, names: list[str]) -> dict[str, list[Any]]:
        """Return the newest live version of each stage, stages in order of their oldest version.

        That is the order in which MLflow meets them when it goes through all versions by number.
        """
        v = SqlModelVersion
        newest = (
            select(
                v.name.label("name"),
                func.max(v.version).label("newest"),
                func.min(v.version).label("oldest"),
            )
            .where(
                *self._get_workspace_clauses(v),
                v.name.in_(names),
                v.current_stage != STAGE_DELETED_INTERNAL,
            )
            .group_by(v.name, v.current_stage)
            .subquery()
        )
        rows = session.execute(
            select(v)
            .join(newest, and_(v.name == newest.c.name, v.version == newest.c.newest))
            .where(*self._get_workspace_clauses(v))
            .order_by(v.name, newest.c.oldest)
            .options(*self._get_eager_model_version_query_options())
        ).scalars()
        found: dict[str, list[Any]] = {name: [] for name in names}
        for row in rows:
            found[row.name].append(row)
        return found

    def _get_latest_versions_for_models(
        self, session: Any, model_names: list[str]
    ) -> dict[str, list[Any]]:
        """Return the newest versions for a page of models; MLflow sorts every version of each."""
        found = self._newest_of_each_stage(session, model_names) if model_names else {}
        return {name: sorted(rows, key=_stage) for name, rows in found.items()}

    def _populate_model_version_aliases(
        self, session: Any, name: str, version: ModelVersion
    ) -> ModelVersion:
        """Read the aliases of one version, not those of the whole model."""
        a = SqlRegisteredModelAlias
        version.aliases = list(
            session.execute(
                select(a.alias)
                .where(
                    *self._get_workspace_clauses(a), a.name == name, a.version == version.version
                )
                .order_by(a.alias)
            ).scalars()
        )
        return version

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Rename a model; the foreign keys carry the name on to all that is its."""
        _validate_model_renaming(new_name)
        m, v = SqlRegisteredModel, SqlModelVersion
        with self.ManagedSessionMaker(read_only=False) as session:
            super()._get_registered_model(session, name)
            at_ms = get_current_time_millis()
            try:
                session.execute(
                    update(m)
                    .where(*self._get_workspace_clauses(m), m.name == name)
                    .values(name=new_name, last_updated_time=at_ms)
                    .execution_options(synchronize_session=False)
                )
            except IntegrityError as err:
                raise MlflowException(
                    f"Registered Model (name={new_name}) already exists. Error: {err}",
                    RESOURCE_ALREADY_EXISTS,
                ) from err
            session.execute(
                update(v)
                .where(*self._get_workspace_clauses(v), v.name == new_name)
                .values(last_updated_time=at_ms)
                .execution_options(synchronize_session=False)
            )
            session.expunge_all()
            renamed: RegisteredModel = self._get_registered_model(
                session, new_name
            ).to_mlflow_entity()
            return renamed

    def delete_registered_model(self, name: str) -> None:
        """Delete a model with all that is its, one statement for each table."""
        with self.ManagedSessionMaker(read_only=False) as session:
            super()._get_registered_model(session, name)
            for table in (
                SqlModelVersionTag,
                SqlModelVersion,
                SqlRegisteredModelAlias,
                SqlRegisteredModelTag,
                SqlRegisteredModel,
            ):
                session.execute(
                    delete(table)
                    .where(*self._get_workspace_clauses(table), table.name == name)
                    .execution_options(synchronize_session=False)
                )


def _stage(row: Any) -> str:
    return str(row.current_stage)
