"""Exports Prometheus metrics under Seldon's names.

Source: seldon-core 1.17.1, `executor/api/metric` (server requests) and `seldon_core.metrics`
(feedback). Its SeldonMetrics is not used: it starts a manager process that outlives a killed
parent.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily

from serving.runtime.options import Identity

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
REQUESTS = "seldon_api_executor_server_requests_seconds"
FEEDBACK = "seldon_api_model_feedback"
REWARD = "seldon_api_model_feedback_reward"

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The counts of one model server."""

    def __init__(self, identity: Identity) -> None:
        self._labels = {
            "deployment_name": identity.deployment,
            "namespace": identity.namespace,
            "predictor_name": identity.predictor,
            "predictor_version": identity.model_version,
            "model_name": identity.model_name,
            "model_version": identity.model_version,
        }
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            REQUESTS,
            "Seconds from a request's last byte to its answer.",
            [*self._labels, "service", "method", "code"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._lock = threading.Lock()
        self._feedback = (0, 0.0)
        self._registry.register(self)

    def request(self, service: str, method: str, code: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(
            **self._labels, service=service, method=method.lower(), code=str(code)
        ).observe(seconds)

    def feedback(self, reward: float) -> None:
        """Count one feedback message."""
        with self._lock:
            count, total = self._feedback
            self._feedback = count + 1, total + reward

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the feedback counters; Prometheus calls this."""
        # Not `Counter`: rewards may be negative, which Seldon's own counter allows too.
        count, total = self._feedback
        for name, value in ((FEEDBACK, float(count)), (REWARD, total)):
            family = CounterMetricFamily(
                name, "Feedback to the model.", labels=[*self._labels, "method"]
            )
            family.add_metric([*self._labels.values(), "feedback"], value)
            yield family

    def page(self) -> bytes:
        """Return the page that Prometheus scrapes."""
        return generate_latest(self._registry)
