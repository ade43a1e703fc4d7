"""The gateway on this machine: a real Envoy, configured through files.

Envoy watches two files, one of clusters and one of routes, each replaced by an atomic rename. It
reports the version of what it has accepted; a change counts as made only when that version has
been read back. The files are the state: a restarted deployer or Envoy goes on from them.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict, cast

from infra.settings import Settings
from serving.domain.routing import DeploymentRoute
from serving.domain.state import Counters
from serving.gateway import envoy_bootstrap, envoy_config
from serving.gateway.envoy_admin import Admin, GatewayError, folder
from serving.gateway.envoy_doors import doors
from serving.gateway.envoy_edge import GatewayEdge
from serving.gateway.envoy_errors import Document
from serving.settings import ServingSettings, gateway_url

READ_BACK_SECONDS = 5.0
_POLL_SECONDS = 0.001
_COUNTERS = (
    "upstream_rq_completed",
    "upstream_rq_5xx",
    "upstream_rq_retry_success",
    "upstream_rq_active",
    "upstream_rq_timeout",
    "upstream_cx_destroy_local_with_active_rq",
    "upstream_rq_time",
)


class _Stat(TypedDict, total=False):
    name: str
    value: int | str


def prepare_files(settings: Settings) -> Path:
    """Write the bootstrap, and empty tables if there are none; return the bootstrap's path."""
    place = folder(settings)
    clusters_file, routes_file = place / "clusters.json", place / "routes.json"
    if not _readable(clusters_file):
        _write(clusters_file, envoy_config.clusters(()))
    if not _readable(routes_file):
        _write(routes_file, _routes((), settings))
    chosen = settings.of(ServingSettings)
    document = envoy_bootstrap.bootstrap(
        host=settings.host,
        port=chosen.gateway_port,
        admin_port=chosen.gateway_admin_port,
        clusters_file=str(clusters_file),
        routes_file=str(routes_file),
        edge=GatewayEdge.of(settings),
    )
    _write(place / "bootstrap.json", document)
    return place / "bootstrap.json"


class EnvoyGateway:
    """Configures Envoy's routes, reads them back, and reads its counters."""

    def __init__(self, settings: Settings) -> None:
        self._folder = folder(settings)
        self._url = gateway_url(settings)
        self._settings = settings
        self._admin = Admin(settings)

    def apply(self, table: Sequence[DeploymentRoute]) -> None:
        """Apply `table`, and return once Envoy has it in force.

        New clusters come before the routes that name them; clusters that the routes before named
        stay until `forget`, so that requests under way can finish. Does nothing, except to read
        back, where the table is in force already.

        Raises:
            GatewayError: Envoy does not answer, or refuses the table.
        """
        wanted_clusters = envoy_config.clusters(table)
        wanted_routes = _routes(table, self._settings)
        known = _names(wanted_clusters)
        kept = [c for c in _resources(self._read("clusters")) if str(c["name"]) not in known]
        merged = envoy_config.merged(wanted_clusters, kept)
        self._put({"clusters": merged, "routes": wanted_routes})

    def forget(self, table: Sequence[DeploymentRoute]) -> None:
        """Drop the clusters that `table`, which must be in force, does not name.

        Raises:
            GatewayError: Envoy does not answer, or refuses.
        """
        self._put({"clusters": envoy_config.clusters(table)})

    def weights(self, namespace: str, deployment: str) -> Mapping[str, int] | None:
        """Return percent per backend key of what Envoy has in force.

        Returns:
            Keys of zero weight are left out; empty when nobody answers; None when Envoy does not
            answer, or has in force something else than the routes file says.
        """
        routes = self._read("routes")
        with contextlib.suppress(GatewayError):
            if routes and self._versions()["routes"] == routes.get("version_info"):
                prefix = DeploymentRoute(namespace, deployment).prefix
                split = envoy_config.split_in(routes, prefix)
                return {cluster.rsplit("/", 1)[1]: share for cluster, share in split.items()}
        return None

    def smoke(self, route: DeploymentRoute, predictor: str, examples: Sequence[bytes]) -> str:
        """Ask one predictor through the gateway, by header; ping a model without an example.

        Returns:
            "" if every answer was a 200 of that predictor, else what went wrong.
        """
        import httpx

        from infra.web.clients import client

        headers = {envoy_config.PREDICTOR_HEADER: predictor, "content-type": "application/json"}
        base = f"{self._url}{route.prefix}"
        asked = [("POST", base + "api/v1.0/predictions", body) for body in examples]
        for method, url, body in asked or [("GET", base + "health/ping", b"")]:
            try:
                answer = client().request(method, url, content=body, headers=headers, timeout=10.0)
            except httpx.HTTPError as err:
                return f"no answer: {err}"
            by = answer.headers.get(envoy_config.PREDICTOR_HEADER, "nobody")
            if answer.status_code != 200 or by != predictor:
                return f"status {answer.status_code} from {by}: {answer.text[:300]}"
        return ""

    def counters(self, clusters: Sequence[str]) -> dict[str, Counters]:
        """Return the running totals of the clusters; zero for an unknown one.

        Raises:
            GatewayError: Envoy does not answer.
        """
        epoch = self.epoch()
        stats = self._stats(clusters, histograms=True)
        return {name: _counters(epoch, name, stats) for name in clusters}

    def active_requests(self, cluster: str) -> int:
        """Return how many requests the cluster is answering.

        Raises:
            GatewayError: Envoy does not answer.
        """
        for stat in self._stats([cluster], histograms=False):
            if stat.get("name") == f"cluster.{cluster}.upstream_rq_active":
                return int(stat["value"])
        return 0

    def epoch(self) -> str:
        """Return the name of the Envoy process; another one counts from zero.

        Raises:
            GatewayError: Envoy does not answer.
        """
        info = cast("dict[str, dict[str, object]]", self._get("/server_info"))
        return str(info["node"]["id"])

    def _stats(self, clusters: Sequence[str], *, histograms: bool) -> list[_Stat]:
        names = "|".join(re.escape(name) for name in clusters)
        found = self._get(
            "/stats",
            format="json",
            filter=rf"^cluster\.({names})\.({'|'.join(_COUNTERS)})$",
            **({"histogram_buckets": "cumulative"} if histograms else {}),
        )
        return cast("list[_Stat]", cast("dict[str, object]", found)["stats"])

    def _versions(self) -> dict[str, str]:
        found = self._get("/stats", format="json", filter=r"\.version_text$", type="TextReadouts")
        stats = cast("list[_Stat]", cast("dict[str, object]", found)["stats"])
        by_name = {stat["name"]: str(stat["value"]) for stat in stats if "name" in stat}
        routes = f"http.{envoy_config.LISTENER}.rds.{envoy_config.ROUTES}.version_text"
        return {
            "clusters": by_name.get("cluster_manager.cds.version_text", ""),
            "routes": by_name.get(routes, ""),
        }

    def _put(self, documents: Mapping[str, Document]) -> None:
        """Write the changed files in order, each read back before the next; then read back all."""
        changed = {
            kind: document
            for kind, document in documents.items()
            if self._read(kind).get("version_info") != document["version_info"]
        }
        for kind, document in changed.items():
            _write(self._folder / f"{kind}.json", document)
            self._read_back({kind: document})
        self._read_back(documents)

    def _read_back(self, documents: Mapping[str, Document]) -> None:
        wanted = {kind: str(document["version_info"]) for kind, document in documents.items()}
        deadline = time.monotonic() + READ_BACK_SECONDS
        while True:
            found = self._versions()
            if all(found[kind] == version for kind, version in wanted.items()):
                return
            if time.monotonic() > deadline:
                raise GatewayError(
                    f"the gateway has not accepted the change: expected versions {wanted}, "
                    f"found {found}",
                    hint="its log (logs/gateway.log) says why; it goes on with what it had",
                )
            time.sleep(_POLL_SECONDS)

    def _read(self, kind: str) -> Document:
        try:
            return cast(Document, json.loads((self._folder / f"{kind}.json").read_text()))
        except (OSError, ValueError):
            return {}

    def _get(self, path: str, **query: str) -> object:
        body = self._admin.get(path, query)
        try:
            return cast(object, json.loads(body))
        except ValueError as err:
            raise GatewayError(f"expected JSON of Envoy's {path}, found {body[:200]!r}") from err


def _routes(table: Sequence[DeploymentRoute], settings: Settings) -> Document:
    origins = tuple(settings.origins_allowed)
    limit_bytes = settings.of(ServingSettings).gateway_body_limit_bytes
    return envoy_config.routes(table, origins, doors(limit_bytes))


def _counters(epoch: str, cluster: str, stats: Sequence[_Stat]) -> Counters:
    values = {
        str(stat["name"]).rsplit(".", 1)[1]: int(stat["value"])
        for stat in stats
        if str(stat.get("name", "")).startswith(f"cluster.{cluster}.")
    }
    buckets = _buckets(cluster, stats)
    # A client that gave up waiting closes the connection to the server; so does the gateway's
    # timeout,
    # which is a 504 and counted already. Without this, a version that hangs would show no data.
    given_up = max(
        0,
        values.get("upstream_cx_destroy_local_with_active_rq", 0)
        - values.get("upstream_rq_timeout", 0),
    )
    return Counters(
        epoch=epoch,
        requests=values.get("upstream_rq_completed", 0) + given_up,
        failures=values.get("upstream_rq_5xx", 0)
        + values.get("upstream_rq_retry_success", 0)
        + given_up,
        timed=buckets[-1][1] if buckets else 0,
        buckets=buckets,
    )


def _buckets(cluster: str, stats: Sequence[_Stat]) -> tuple[tuple[float, int], ...]:
    for stat in stats:
        listed = cast("Mapping[str, list[dict[str, object]]]", stat).get("histograms")
        for histogram in listed or ():
            if histogram.get("name") == f"cluster.{cluster}.upstream_rq_time":
                rows = cast("list[dict[str, float]]", histogram.get("buckets") or [])
                return tuple((float(r["upper_bound"]), int(r["cumulative"])) for r in rows)
    return ()


def _resources(document: Document) -> list[Document]:
    return cast("list[Document]", document.get("resources") or [])


def _names(document: Document) -> set[str]:
    return {str(resource["name"]) for resource in _resources(document)}


def _readable(path: Path) -> bool:
    try:
        json.loads(path.read_text())
    except (OSError, ValueError):
        return False
    return True


def _write(path: Path, document: Document) -> None:
    # Not synced to disk: after a power cut the deployer writes it again.
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(document))
    fresh.replace(path)
