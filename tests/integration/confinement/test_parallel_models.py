"""Models that ask joblib for several jobs work where nobody may start a process."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from compliance.sandbox import Limits, Sandbox
from infra.confinement.probe import available
from tests.support.confined_server import served
from tests.support.honest_folders import Format, fitted, save
from tests.support.honest_pipelines import PARALLEL
from tests.support.honest_tables import Honest, table

EACH = pytest.mark.parametrize("honest", PARALLEL, ids=lambda honest: honest.name)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(deadline_seconds=20.0, memory_bytes=4_000_000_000)) as found:
        found.start()
        yield found


@EACH
def test_a_model_with_several_jobs_is_scored(
    honest: Honest, sandbox: Sandbox, tmp_path: Path
) -> None:
    folder = save(honest, Format.CLOUDPICKLE, tmp_path / "model")
    features, _target = table(honest.data)
    found = sandbox.predict(folder, [features]).answers[0]
    assert np.array_equal(found, fitted(honest).predict(features))


@EACH
def test_a_model_with_several_jobs_answers_in_every_worker_thread(
    honest: Honest, tmp_path: Path
) -> None:
    folder = save(honest, Format.CLOUDPICKLE, tmp_path / "model")
    features, _target = table(honest.data)
    rows = {"ndarray": features.to_numpy()[:5].tolist()}
    with served(folder, available()) as server, ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(lambda _: server.predict(rows), range(8)))
    expected = fitted(honest).predict(features[:5]).tolist()
    assert [answer.status_code for answer in answers] == [200] * 8, answers[0].text
    assert [answer.json()["data"]["ndarray"] for answer in answers] == [expected] * 8
