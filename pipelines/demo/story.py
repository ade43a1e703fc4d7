"""The acts of the demo. Each requests something, measures, and records the outcome."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.clock import utc_now
from pipelines.demo import rollout
from pipelines.demo.cast import Answer, Cast, StoryError
from pipelines.demo.people import APPROVERS
from pipelines.demo.stream import Stream
from pipelines.steps.models import Recipe
from pipelines.tally import Tally
from registry.domain.reasons import Reason, causes

if TYPE_CHECKING:
    from pipelines.demo.rollout import Followed
    from registry.domain.records import VersionRecord

MIN_SCORE = 0.95
FIRST_DEPLOYMENT_SECONDS = 90.0
ROLLOUT_SECONDS = 240.0
"""Limits for a busy machine; on a quiet one a rollout takes a tenth of that."""
WEIGHTS = (10, 50, 100)
HOLD_SECONDS = 3.0
CHECKS: dict[str, object] = {
    "min_requests": 100,
    # Everything here shares a few cores with the training, so only gross slowness tells.
    "max_latency_ratio": 20.0,
    "max_slow_share_increase": 0.3,
}
BASELINE_REQUESTS = 600
"""What the stable version answers before it is compared with a candidate."""


@dataclass(slots=True)
class Played:
    """Versions that the acts leave for the end.

    Attributes:
        baseline, better, biased, fragile: versions, as far as the story came.
    """

    baseline: VersionRecord | None = None
    better: VersionRecord | None = None
    biased: VersionRecord | None = None
    fragile: VersionRecord | None = None


def create_endpoint(cast: Cast) -> None:
    """Give the model an endpoint with a canary plan that is short enough to watch."""
    from serving.domain.plan import RolloutPlan

    plan = RolloutPlan.canary(WEIGHTS, HOLD_SECONDS, checks=CHECKS)
    cast.registry.endpoints.create_endpoint(
        cast.name, cast.namespace, plan.document(), actor="demo@cli", at=utc_now()
    )
    steps = " -> ".join(f"{weight} %" for weight in WEIGHTS)
    cast.show.say(f"endpoint {cast.name}: canary {steps}, judged on errors and latency")


def first_deployment(cast: Cast, played: Played) -> None:
    """Act 1: train, register, ask, be scored, be approved, be deployed."""
    cast.show.scene("1  First version: register, score, approve, deploy")
    played.baseline = record = cast.train(Recipe.BASELINE)
    _check(cast, "its semantic version", "1.0.0", record.semver)
    _pass_the_gate(cast, record)
    followed = _follow(cast, record, FIRST_DEPLOYMENT_SECONDS)
    _check(cast, "first deployment", "succeeded", followed.rollout.phase)
    _check(cast, "champion", record.version, cast.champion())
    cast.show.end_scene(_ending(record, followed))


def better_version(cast: Cast, played: Played, stream: Stream) -> None:
    """Act 2: a better version canaries under live traffic and becomes champion."""
    cast.show.scene("2  A better version: canary 10 -> 50 -> 100 under live traffic")
    _warm_up(cast, stream)
    played.better = record = cast.train(Recipe.BETTER)
    _pass_the_gate(cast, record)
    before = stream.reading()
    followed = _follow(cast, record, ROLLOUT_SECONDS)
    _check(cast, "the canary's weights", WEIGHTS, followed.weights)
    _check(cast, "canary", "succeeded", followed.rollout.phase)
    _check(cast, "champion", record.version, cast.champion())
    stream.wait_for(100, limit_seconds=5)
    during = stream.reading().since(before)
    cast.show.outcome(
        cast.outcomes.check(
            "failed client requests during the rollout",
            expected="0",
            found=f"{during.failures} of {during.requests:,}",
            right=during.failures == 0 and during.requests > 0,
        )
    )
    cast.show.end_scene(_ending(record, followed))


def biased_version(cast: Cast, played: Played) -> None:
    """Act 3: a version that treats groups unequally is refused, with its reasons."""
    cast.show.scene("3  A version that violates the constitution")
    played.biased = record = cast.train(Recipe.BIASED)
    answer = cast.ask(record, "Production")
    reasons = [dict(r) for r in answer.request.decision.get("reasons", ())]
    _check(cast, "the client's answer", "PERMISSION_DENIED", answer.code)
    cast.show.say(f"refused in {answer.seconds:.2f} s, score {cast.scorecard(record).score:.4f}:")
    for cause in causes(Reason(**reason) for reason in reasons):
        cast.show.say(f"  {', '.join(cause.rules)}: {cause.what}")
        cast.show.say(f"    fix: {cause.fix}", "dim")
    rules = sorted(str(reason["rule"]) for reason in reasons)
    cast.show.outcome(
        cast.outcomes.check(
            "the reasons name fairness",
            expected="a fairness rule in the client's answer",
            found=", ".join(rules) or "no reason",
            right=any(r.startswith("fairness.") and r in answer.text for r in rules),
        )
    )
    _check(cast, "its stage", "None", cast.stage(record))
    cast.show.end_scene(f"{answer.code} in {answer.seconds:.2f} s: {', '.join(rules)}")


def fragile_version(cast: Cast, played: Played, stream: Stream) -> None:
    """Act 4: a version that only live traffic can expose is rolled back by itself."""
    cast.show.scene("4  A version that looks fine offline and fails on live traffic")
    played.fragile = record = cast.train(Recipe.FRAGILE)
    _pass_the_gate(cast, record)
    before = stream.reading()
    followed = _follow(cast, record, ROLLOUT_SECONDS)
    stream.wait_for(300, limit_seconds=5)
    during = stream.reading().since(before)
    _check(cast, "canary", "rolled_back", followed.rollout.phase)
    for example in during.examples[:1]:
        cast.show.say(f"  a client saw: {example}", "dim")
    own = during.of(label(record, during)).failures
    cast.show.outcome(
        cast.outcomes.check(
            "failed client requests, all of them the bad version's own",
            expected="only its own",
            found=f"{during.failures} of {during.requests:,}, {during.failures - own} not its own",
            right=during.failures == own and during.requests > 0,
        )
    )
    _check(cast, "its stage", "None", cast.stage(record))
    cast.show.end_scene(_ending(record, followed))


def aftermath(cast: Cast, played: Played, stream: Stream) -> None:
    """Act 5: registry, alias, traffic and audit trail agree."""
    cast.show.scene("5  Registry, alias, traffic and audit agree")
    better, fragile = played.better, played.fragile
    if better is None or fragile is None:
        raise StoryError("the story ended early")
    stream.wait_for(100, limit_seconds=5)
    before = stream.reading()
    after = stream.wait_for(300, limit_seconds=10).since(before)
    _check(cast, "traffic goes to", [label(better, after)], sorted(after.by_version))
    _check(cast, "champion", better.version, cast.champion())
    stages = {v.semver: cast.stage(v) for v in cast.registry.versions.versions(cast.name)}
    in_production = [semver for semver, stage in stages.items() if stage == "Production"]
    _check(cast, "in Production", [better.semver], in_production)
    endpoint = cast.registry.endpoints.endpoint(cast.name)
    _check(cast, "the endpoint's stable version", better.uid, endpoint.stable_uid)
    events = [
        event.type
        for event in cast.registry.audit.events(name=cast.name)
        if event.version == fragile.version
        and event.type.split(".")[0] in {"transition_request", "approval", "rollout"}
        and event.type != "rollout.step"
    ]
    wanted = [
        "transition_request.created",
        *["approval.given"] * len(APPROVERS),
        "transition_request.granted",
        "rollout.started",
        "rollout.rolled_back",
    ]
    in_order = [event for event in events if event in wanted]
    _check(cast, "the audit trail of the bad version", wanted, in_order)
    cast.show.end_scene(f"traffic: {', '.join(after.by_version)}; champion: {cast.champion()}")


def predict(cast: Cast) -> None:
    """Ask the endpoint for one prediction, as a Seldon client does."""
    import httpx

    from pipelines.traffic import bodies

    answer = httpx.post(
        cast.predictions_url,
        content=bodies()[0],
        timeout=10,
        trust_env=False,
        headers={"content-type": "application/json"},
    )
    cast.show.say(f"POST {cast.predictions_url}")
    cast.show.say(f"  {bodies()[0].decode()}")
    cast.show.say(f"  -> HTTP {answer.status_code} {answer.text.strip()}")
    found = answer.json() if answer.is_success else {}
    values = found.get("data", {}).get("ndarray")
    cast.show.outcome(
        cast.outcomes.check(
            "a prediction through Seldon's protocol",
            expected="0 or 1",
            found=str(values),
            right=values in ([0], [1], [0.0], [1.0], [[0]], [[1]], [[0.0]], [[1.0]]),
        )
    )


def label(record: VersionRecord, tally: Tally) -> str:
    """Return the version's label at the model server: its semantic version, or its number."""
    known = (record.semver, str(record.version))
    return next((name for name in known if name in tally.by_version), record.semver)


def _check(cast: Cast, what: str, expected: object, found: object) -> None:
    cast.show.outcome(cast.outcomes.equal(what, expected, found))


def _pass_the_gate(cast: Cast, record: VersionRecord) -> Answer:
    """Request Production, get "pending", have two people approve, be granted."""
    answer = cast.ask(record, "Production")
    _check(cast, "the client's answer", "ABORTED", answer.code)
    cast.show.say(f"  {answer.text.splitlines()[0]}", "dim")
    if answer.code == "PERMISSION_DENIED":
        raise StoryError(f"{record.ref} was refused: {answer.text}")
    score = cast.scorecard(record).score
    cast.show.outcome(
        cast.outcomes.check(
            "its score",
            expected=f">= {MIN_SCORE}",
            found=f"{score:.4f}, answered {answer.seconds:.2f} s after the call",
            right=score >= MIN_SCORE,
        )
    )
    for person in APPROVERS:
        _check(cast, f"request {answer.request.id} before {person}", "open", _state(cast, answer))
        said = cast.command(
            person, "approve", str(answer.request.id), "--comment", "looked at the report"
        )
        cast.show.say(f"{person}: acgs approve {answer.request.id}: {said}")
    granted = _wait_for_grant(cast, answer.request.id)
    _check(cast, f"request {answer.request.id}", "granted", granted)
    return answer


def _state(cast: Cast, answer: Answer) -> str:
    return cast.registry.gate.get_request(answer.request.id).state.value


def _wait_for_grant(cast: Cast, request_id: int, limit_seconds: float = 15.0) -> str:
    limit = time.monotonic() + limit_seconds
    while time.monotonic() < limit:
        state = cast.registry.gate.get_request(request_id).state.value
        if state != "open":
            return state
        time.sleep(0.05)
    return "open"


def _follow(cast: Cast, record: VersionRecord, limit: float) -> Followed:
    asked = [r for r in cast.registry.gate.requests(cast.name) if r.version_uid == record.uid]
    opened = rollout.of_request(cast.registry, cast.name, asked[-1].id)
    followed = rollout.follow(cast.registry, opened.id, cast.show.progress, limit_seconds=limit)
    for reason in followed.reasons:
        cast.show.say(f"  {reason['rule']}: expected {reason['expected']}, found {reason['found']}")
    return followed


def _ending(record: VersionRecord, followed: Followed) -> str:
    what = followed.rollout.phase.replace("_", " ")
    return f"{record.semver} {what}, {followed.seconds:.1f} s after the grant"


def _warm_up(cast: Cast, stream: Stream) -> None:
    cast.show.progress(f"live traffic: the first {BASELINE_REQUESTS} requests")
    before = stream.reading()
    found = stream.wait_for(BASELINE_REQUESTS, limit_seconds=30).since(before)
    cast.show.outcome(
        cast.outcomes.check(
            "live traffic on the first version",
            expected=f"{BASELINE_REQUESTS} requests, 0 failed",
            found=f"{found.requests:,} requests, {found.failures} failed",
            right=found.requests >= BASELINE_REQUESTS and found.failures == 0,
        )
    )
