"""Works through the scoring queue: judges, attaches, settles, and only then reports.

Safe to kill at any line: every step can be repeated, and the job goes only when the report is up.
No request stays open after a failure: what may pass is retried for about an hour, and
what it cannot help, or what has taken the process with it several times, ends in a verdict that
refuses with the reason.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

from compliance.domain import quoting
from compliance.judging import unjudged
from compliance.judging.job_queue import Job, JobQueue, Phase
from compliance.judging.ports import Registry
from compliance.judging.service import Case, Judging
from infra.clock import Clock, to_millis, utc_now
from infra.errors import NotFoundError
from registry.domain.records import Request
from registry.domain.values import RequestState, Verdict

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.25
RENEW_SECONDS = 3.0
SWEEP_SECONDS = 5.0
SWEEP_AGE = timedelta(seconds=3)
RUN_WAIT_SECONDS = 2.0
MAX_LOST = 5
"""Processes that one job may end, restarts by people included."""


class ReportSink(Protocol):
    """Writes reports."""

    def create(self, name: str, semver: str) -> str:
        """Create the run that will hold a version's report; return its id."""
        ...

    def upload(self, run_id: str, document: Any) -> None:
        """Write a scorecard's report into its run; idempotent."""
        ...


class Worker:
    """One scorer's loop."""

    def __init__(
        self,
        queue: JobQueue,
        registry: Registry,
        judging: Judging,
        reports: ReportSink,
        clock: Clock = utc_now,
    ) -> None:
        self.queue = queue
        self.registry = registry
        self.judging = judging
        self.reports = reports
        self.clock = clock
        self.wake = threading.Event()
        self._current: Job | None = None
        self._swept = float("-inf")
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="report-run")

    def run(self, stop: threading.Event, pulse: Callable[[], None] = lambda: None) -> None:
        """Work until `stop` is set; `pulse` is called each time round."""
        threading.Thread(target=self._hold, args=(stop,), name="lease", daemon=True).start()
        while not stop.is_set():
            pulse()
            try:
                self._sweep()
                busy = self.step()
            except Exception as err:  # the queue may be readable later
                log.warning("the queue cannot be read: %s", quoting.safe(err))
                busy = False
                stop.wait(1.0)
            if not busy:
                self.wake.wait(IDLE_SECONDS)
                self.wake.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def step(self) -> bool:
        """Do one step of one job. Returns False when nothing is due."""
        job = self.queue.claim()
        if job is None:
            return False
        self._current = job
        try:
            match job.phase:
                case Phase.SCORE:
                    self._score(job)
                case Phase.REPORT:
                    self._report(job)
        except Exception as err:  # whatever failed, the job must come back
            text = quoting.safe(err)
            pause_ms = self.queue.retry(job, text)
            log.warning("request %d: %s; again in %d ms", job.request_id, text, pause_ms)
        finally:
            self._current = None
        return True

    def _score(self, job: Job) -> None:
        started = time.perf_counter()
        request = self._request(job)
        if request is None or not _wants_verdict(request):
            self._wind_up(job, request)
            return
        run = self._begin_run(job, request)
        verdict = replace(self._verdict(job, request), report_run_id=self._run_id(job, run))
        try:
            self._conclude(job, request, verdict)
        except Exception as err:
            if unjudged.is_infrastructure(err):
                raise
            # A verdict that cannot be recorded or carried out must not leave the request open.
            log.error("request %d: %s", request.id, quoting.safe(err))
            verdict = self._refusal(request, "verdict.unusable", "a verdict to be recorded", err)
            self._conclude(job, request, verdict)
        log.info(
            "request %d: %s scored %.4f for %s, %s, in %.0f ms",
            request.id, request.ref, verdict.score, request.target,
            "passed" if verdict.passed else "refused", (time.perf_counter() - started) * 1000,
        )  # fmt: skip
        self.queue.scored(job)

    def _verdict(self, job: Job, request: Request) -> Verdict:
        """Judge a request, or refuse it when attempts are used up.

        Raises:
            PlatformError: infrastructure does not answer, and there are attempts left.
        """
        if job.lost >= MAX_LOST:
            found = unjudged.Problem(
                "judging.lost",
                "a judgement",
                f"the scoring process ended {job.lost} times while it judged this version",
                "see its log and the memory of the machine; then ask again",
            )
            return unjudged.refusal(self.judging.settings, request, found)
        try:
            case = Case(
                version=self.registry.versions.version(request.version_uid),
                judged_as=request.judged_as,
                target=request.target,
                manifest_digest=request.manifest_digest,
            )
            return self.judging.judge(case)
        except Exception as err:
            if not unjudged.is_infrastructure(err):
                return self._refusal(request, "judging.failed", "a judgement", err)
            if not job.is_last_attempt:
                raise
            log.error("request %d: given up: %s", request.id, quoting.safe(err))
            expected = f"infrastructure that answers within {job.attempts + 1} attempts"
            return self._refusal(request, "judging.unavailable", expected, err)

    def _refusal(self, request: Request, what: str, expected: str, error: BaseException) -> Verdict:
        problem = unjudged.problem(what, expected, error)
        return unjudged.refusal(self.judging.settings, request, problem)

    def _conclude(self, job: Job, request: Request, verdict: Verdict) -> None:
        # Stored before the verdict is attached, so that a successor knows that a report is due.
        self.queue.judged(job, verdict.document, verdict.report_run_id)
        self.registry.gate.attach_verdict(request.id, verdict, self.clock())
        self.registry.gate.settle(request.id, self.clock())

    def _wind_up(self, job: Job, request: Request | None) -> None:
        """Finish a job whose verdict exists already or is no longer needed."""
        if request is not None and request.state is RequestState.OPEN:
            try:
                self.registry.gate.settle(request.id, self.clock())
            except Exception as err:
                if unjudged.is_infrastructure(err):
                    raise
                log.error("request %d: %s", request.id, quoting.safe(err))
                expected = "a verdict to be carried out"
                verdict = self._refusal(request, "verdict.unusable", expected, err)
                self._conclude(job, request, verdict)
        if job.document is not None and request is not None:
            self.queue.scored(job)
        else:
            self.queue.finish(job)

    def _request(self, job: Job) -> Request | None:
        try:
            return self.registry.gate.get_request(job.request_id)
        except NotFoundError:
            log.warning("request %d is unknown; its job is dropped", job.request_id)
            return None

    def _begin_run(self, job: Job, request: Request) -> Future[str] | None:
        if job.report_run_id:
            return None
        return self._pool.submit(self.reports.create, request.name, request.semver)

    def _run_id(self, job: Job, run: Future[str] | None) -> str | None:
        """Return the report's run; None when MLflow is slow: the verdict must not wait for it."""
        if run is None:
            return job.report_run_id
        try:
            return run.result(timeout=RUN_WAIT_SECONDS)
        except Exception as err:  # the verdict must not wait for a report's run
            log.warning("request %d: no governance run yet: %s", job.request_id, quoting.safe(err))
            return None

    def _report(self, job: Job) -> None:
        try:
            self._write_report(job)
        except Exception as err:
            if unjudged.is_infrastructure(err) and not job.is_last_attempt:
                raise
            # The verdict stands without it: acgs compliance report.
            log.error("request %d: its report is given up: %s", job.request_id, quoting.safe(err))
        self.queue.finish(job)

    def _write_report(self, job: Job) -> None:
        document = job.document
        if document is None:
            raise RuntimeError(f"job {job.id} has no scorecard to report")
        run_id = job.report_run_id
        if run_id is None:
            subject = document["subject"]
            run_id = self.reports.create(str(subject["name"]), str(subject["semver"]))
            self.queue.judged(job, document, run_id)
        self.registry.gate.note_report(job.request_id, run_id)
        self.reports.upload(run_id, document)

    def _sweep(self) -> None:
        """Queue requests whose webhook got lost, e.g. as a dead letter."""
        if time.monotonic() - self._swept < SWEEP_SECONDS:
            return
        self._swept = time.monotonic()
        before_ms = to_millis(self.clock() - SWEEP_AGE)
        for request in self.registry.gate.open_requests():
            overdue = request.scorecard_id is None and request.created_ms < before_ms
            if overdue and self.queue.enqueue(request.id, "sweep"):
                log.info("request %d: queued without its webhook", request.id)

    def _hold(self, stop: threading.Event) -> None:
        while not stop.wait(RENEW_SECONDS):
            job = self._current
            if job is not None:
                try:
                    self.queue.renew(job)
                except Exception as err:
                    log.warning("job %d: lease not renewed: %s", job.id, quoting.safe(err))


def _wants_verdict(request: Request) -> bool:
    # Under `observe` the grant comes first and the score is recorded after it.
    return request.scorecard_id is None and request.state in {
        RequestState.OPEN,
        RequestState.GRANTED,
    }
