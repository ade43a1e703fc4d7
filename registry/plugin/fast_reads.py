"""Answers MLflow's reads of a registered model without loading every version of it.

MLflow 3.17 makes a model's entity from all its versions, to find the newest of each stage, and
its handlers ask for that entity at every tag and alias: 300 ms at 10,000 versions. Here the
database finds the newest of each stage; MLflow's own code makes the entity, so that the answer
is the same. What a rename and a deletion do row by row is one statement each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.entities.model_registry.model_version_stages import (
    ALL_STAGES,
    STAGE_DELETED_INTERNAL,
)
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
from sqlalchemy import (
    ScalarSelect,
    and_,
    bindparam,
    delete,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.exc import IntegrityError

from registry.adapters.mlflow_tables import WORKSPACE

_stage_names = union_all(
    *(select(literal(stage).label("stage")) for stage in ALL_STAGES)
).subquery()


def _end_of_a_stage(end: Callable[[Any], Any]) -> ScalarSelect[Any]:
    v = SqlModelVersion
    return (
        select(end(v.version))
        .where(
            v.workspace == WORKSPACE,
            v.name == bindparam("model"),
            v.current_stage == _stage_names.c.stage,
        )
        .scalar_subquery()
    )


# Made once: to make them costs as much as to ask.
_ALIASES = (
    select(SqlRegisteredModelAlias.alias)
    .where(
        SqlRegisteredModelAlias.workspace == WORKSPACE,
        SqlRegisteredModelAlias.name == bindparam("model"),
        SqlRegisteredModelAlias.version == bindparam("number"),
    )
    .order_by(SqlRegisteredModelAlias.alias)
)
_NEWEST_AND_OLDEST = select(_end_of_a_stage(func.max), _end_of_a_stage(func.min)).select_from(
    _stage_names
)


class FastReads(SqlAlchemyStore):
    """MLflow's SQL store, with costs that do not grow with the versions of a model."""

    def _get_registered_model(self, session: Any, name: str, eager: bool = False) -> Any:
        """Return MLflow's row; the entity made from it has the newest versions only."""
        model = super()._get_registered_model(session, name, eager=eager)
        model.to_mlflow_entity = partial(self._entity, session, model)
        return model

    def _entity(self, session: Any, model: Any) -> RegisteredModel:
        newest = self._newest_of_each_stage(session, model.name)
        return SqlRegisteredModel.to_mlflow_entity(model, preloaded_latest_versions=newest)

    def _newest_of_each_stage(self, session: Any, name: str) -> list[Any]:
        """Return the newest live version of each stage, stages in order of their oldest version.

        That is the order in which MLflow meets them when it goes through all versions by number.
        An index answers each question with one look (see migration 0006).
        """
        found = session.execute(_NEWEST_AND_OLDEST, {"model": name}).all()
        oldest = {newest: first for newest, first in found if newest is not None}
        rows = self._numbered(session, {name: list(oldest)})
        return sorted(rows, key=lambda row: oldest[row.version])

    def _numbered(self, session: Any, wanted: Mapping[str, list[int]]) -> list[Any]:
        """Return versions by name and numbers, with their tags."""
        v = SqlModelVersion
        # Not as pairs: SQLite would go through all versions of a name to compare them.
        which = [and_(v.name == name, v.version.in_(numbers)) for name, numbers in wanted.items()]
        return list(
            session.execute(
                select(v)
                .where(*self._get_workspace_clauses(v), or_(false(), *which))
                .options(*self._get_eager_model_version_query_options())
            ).scalars()
        )

    def _get_latest_versions_for_models(
        self, session: Any, model_names: list[str]
    ) -> dict[str, list[Any]]:
        """Return the newest versions for a page of models; MLflow sorts every version of each."""
        v = SqlModelVersion
        newest = session.execute(
            select(v.name, func.max(v.version))
            .where(
                *self._get_workspace_clauses(v),
                v.name.in_(model_names),
                v.current_stage != STAGE_DELETED_INTERNAL,
            )
            .group_by(v.name, v.current_stage)
        ).all()
        found: dict[str, list[Any]] = {name: [] for name in model_names}
        wanted: dict[str, list[int]] = {}
        for name, number in newest:
            wanted.setdefault(name, []).append(number)
        for row in sorted(self._numbered(session, wanted), key=_stage):
            found[row.name].append(row)
        return found

    def _populate_model_version_aliases(
        self, session: Any, name: str, version: ModelVersion
    ) -> ModelVersion:
        """Read the aliases of one version, not those of the whole model."""
        known = {"model": name, "number": int(version.version)}
        version.aliases = list(session.execute(_ALIASES, known).scalars())
        return version

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Rename a model; the foreign keys carry the name on to its rows in other tables."""
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
                raise taken(new_name) from err
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
        """Delete a model with all its rows, one statement for each table."""
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


def taken(name: str) -> MlflowException:
    """Return MLflow's refusal of a taken name, without the database's own words."""
    return MlflowException(
        f"Registered Model (name={name}) already exists.", RESOURCE_ALREADY_EXISTS
    )


def _stage(row: Any) -> str:
    return str(row.current_stage)
