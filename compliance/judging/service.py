"""Judges one version for one target, with reasons."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compliance.checks.check import Context, Judge
from compliance.constitution import constitution_file
from compliance.constitution.constitution_file import Policy
from compliance.domain import quoting
from compliance.domain.facts import Evaluation, Facts, Lineage, Missing, Scan, Task, seed_of
from compliance.domain.result import Outcome, RuleResult, failed_with, not_applicable
from compliance.errors import ConstitutionError, EvidenceError
from compliance.evidence import evidence_file
from compliance.evidence.catalogue import Catalogue
from compliance.judging import scorecard, scoring, unjudged
from compliance.judging.ports import Prober, Registry, VerdictCache
from compliance.judging.scorecard import Setting, to_verdict
from compliance.judging.soundness import sound
from infra.errors import PlatformError, storage_error
from infra.settings import Settings
from registry.adapters import mirror
from registry.domain import canonical
from registry.domain.records import VersionRecord
from registry.domain.values import Enforcement, SignatureOrigin, Stage, Verdict
from registry.git.commits import is_known
from registry.governance.adapters import evidence_file as registry_evidence
from registry.lineage.domain.completeness import FIRST, Origins, completeness, shown_signature

DOCUMENTS = ("README.md", "model_card.md")
MAX_DOCUMENT_BYTES = 1_000_000
JUDGING_REVISION = 4
"""Raised when equal inputs may be judged differently, so that no older verdict is reused."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Case:
    """One version to judge.

    Attributes:
        judged_as: name whose rules and evidence apply.
        manifest_digest: of the files that are asked about.
    """

    version: VersionRecord
    judged_as: str
    target: Stage
    manifest_digest: str

    @property
    def name(self) -> str:
        """Return the model's name."""
        return self.version.name

    @property
    def semver(self) -> str:
        """Return the semantic version."""
        return self.version.semver


class Judging:
    """Judges versions; holds no state of its own."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        prober: Prober,
        cache: VerdictCache | None = None,
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.prober = prober
        self.cache = cache

    def judge(self, case: Case) -> Verdict:
        """Return the verdict on a version.

        Whatever is wrong with the model, its files, its evidence, a check or the constitution's
        text is a refusing verdict with the reason, never an exception.

        Raises:
            ConstitutionError: document, lock and identifier do not agree, so that nobody may judge.
            UnavailableError: infrastructure does not answer; try again.
            NoAccessError: the files' store denies access; try again once it is granted.
        """
        try:
            return self._judge(case)
        except PlatformError as err:
            if unjudged.is_infrastructure(err):
                raise
            failure: Exception = err
        except OSError as err:
            storage = storage_error(err, self.settings.storage_root)
            if storage is not None:
                raise storage from err
            failure = err
        except Exception as err:  # any other failure is final
            failure = err
        log.error("judging %s failed: %s", case.version.ref, quoting.safe(failure))
        return self._unjudged(case, "judging.failed", "a judgement", failure)

    def _judge(self, case: Case) -> Verdict:
        try:
            policy = constitution_file.load(self.settings)
        except ConstitutionError as err:
            return self._unjudged(case, "constitution.unusable", "a valid constitution", err)
        evidence_digest = registry_evidence.binding_digest(self.settings, case.judged_as)
        try:
            catalogue = evidence_file.load(self.settings)
        except EvidenceError as err:
            return self._unjudged(case, "evidence.unusable", "a valid evidence catalogue", err)
        with self._files(case) as files:
            if isinstance(files, PlatformError):
                return self._unjudged(case, "artifact.unusable", "the registered files", files)
            return self._judge_files(case, policy, catalogue, evidence_digest, files)

    def _judge_files(
        self, case: Case, policy: Policy, catalogue: Catalogue, evidence_digest: str, folder: Path
    ) -> Verdict:
        binding = catalogue.find(case.judged_as)
        setting = Setting(
            judged_as=case.judged_as,
            target=case.target,
            manifest_digest=case.manifest_digest,
            evidence_digest=evidence_digest,
            enforcement=policy.constitution.enforcement(case.judged_as) or Enforcement.OBSERVE,
            binding=binding,
        )
        judges = _asked(policy, case.target, binding.task if binding else None)
        described = self._description(case.version, folder)
        commit_is_known = is_known(self.settings, case.version.git_commit)
        key = self._key(case, policy, setting, described, commit_is_known)
        known = self.cache.get(key) if self.cache else None
        if known is not None:
            log.info("verdict of %s reused from an equal case", case.version.ref)
            return to_verdict(known)
        scan = self.prober.scan(folder)
        # One inferred from an example only numbers the version: its author has declared none.
        declared = case.version.signature_origin is not SignatureOrigin.INFERRED
        logged = case.version.signature if declared else None
        facts = Facts(
            name=case.version.name,
            semver=case.version.semver,
            task=binding.task if binding else None,
            evaluation=self._evaluation(case, folder, setting, scan, judges),
            scan=scan,
            lineage=_lineage(case.version, commit_is_known),
            signature_inputs=len(logged.inputs) if logged else 0,
            signature_outputs=len(logged.outputs) if logged else 0,
            description=described,
            confinement=self.prober.confinement,
        )
        document = conclude(policy, setting, facts, judges)
        if self.cache:
            self.cache.put(key, document)
        return to_verdict(document)

    def _evaluation(
        self, case: Case, folder: Path, setting: Setting, scan: Scan, judges: Mapping[str, Judge]
    ) -> Evaluation | Missing:
        # A scorer at rest does without pyarrow, which takes 30 MB.
        from compliance.judging import collection

        binding = setting.binding
        if binding is None:
            return collection.no_evidence(case.judged_as)
        if scan.violations:
            return collection.unsafe(scan)
        try:
            holdout = evidence_file.holdout(self.settings, binding)
        except EvidenceError as err:
            return Missing(Outcome.INSUFFICIENT, err.message, err.hint or "acgs evidence check")
        subject = collection.Subject(case.manifest_digest, folder, case.version.signature)
        return collection.evaluate(self.prober, subject, holdout, judges)

    def _description(self, version: VersionRecord, folder: Path) -> str:
        position = self.registry.stages.position(version.uid)
        texts = [mirror.own_words(position.description), position.model_description]
        for name in DOCUMENTS:
            path = folder / name
            plain = path.is_file() and not path.is_symlink()
            if plain and path.stat().st_size <= MAX_DOCUMENT_BYTES:
                texts.append(path.read_text("utf-8", errors="replace"))
        return max(texts, key=len)

    def _key(
        self,
        case: Case,
        policy: Policy,
        setting: Setting,
        described: str,
        commit_is_known: bool | None,
    ) -> str:
        version = case.version
        return canonical.digest(
            {
                "artifact": case.manifest_digest,
                "constitution": policy.digest,
                "evidence": setting.evidence_digest,
                "judged_as": case.judged_as,
                "version": [version.name, version.semver],
                "target": case.target.value,
                "min_score": policy.min_score(case.target),
                "lineage": [
                    version.run_id,
                    version.dataset_digest,
                    version.git_commit,
                    commit_is_known,
                    version.model_id,
                ],
                "description": canonical.digest(described),
                "engine": dict(scorecard.engine()),
                "confinement": list(self.prober.confinement),
                "judging": JUDGING_REVISION,
            }
        )

    @contextmanager
    def _files(self, case: Case) -> Iterator[Path | PlatformError]:
        try:
            folder = self.registry.files.model_files(case.version.uid)
        except PlatformError as err:
            if unjudged.is_infrastructure(err):
                raise
            yield err
            return
        try:
            yield folder
        finally:
            self.registry.files.release_files(folder)

    def _unjudged(self, case: Case, what: str, expected: str, error: BaseException) -> Verdict:
        """Return a refusal, with the reason why nothing could be measured."""
        found = unjudged.problem(what, expected, error)
        return unjudged.refusal(self.settings, case, found)


def conclude(
    policy: Policy, setting: Setting, facts: Facts, judges: Mapping[str, Judge]
) -> dict[str, Any]:
    """Apply every rule and compute the score. Pure: the same facts give the same bytes."""
    evaluation = facts.evaluation
    data_digest = evaluation.data_digest if isinstance(evaluation, Evaluation) else ""
    results: dict[str, RuleResult] = {}
    for principle in policy.constitution.principles:
        for rule in scoring.asked_for(principle, setting.target):
            if rule.id not in judges:
                tasks = ", ".join(sorted(policy.tasks[rule.id]))
                results[rule.id] = not_applicable(f"judges {tasks}, not {facts.task}")
                continue
            seed = seed_of(setting.manifest_digest, data_digest, rule.id)
            results[rule.id] = _answer(judges[rule.id], Context(rule.id, seed, facts))
    score = scoring.score(
        policy.constitution.principles, setting.target, results, policy.min_score(setting.target)
    )
    document = scorecard.build(policy, setting, facts, score)
    document["reasons"] = [
        {"rule": r.rule, "expected": r.expected, "found": r.found, "fix": r.fix}
        for r in score.reasons()
    ]
    return document


def _answer(judge: Judge, context: Context) -> RuleResult:
    evaluation = context.facts.evaluation
    if isinstance(evaluation, Evaluation) and context.rule_id in evaluation.unasked:
        return evaluation.unasked[context.rule_id].result("answers on the rows that it perturbs")
    try:
        return sound(judge.evaluate(context))
    except KeyboardInterrupt:
        raise
    except BaseException as err:  # a broken check counts zero and must not stop the verdict
        log.error("rule %s failed: %s", context.rule_id, quoting.cause(err))
        found = f"the check itself failed: {quoting.cause(err)}"
        return failed_with(Outcome.ERROR, found, "an answer", "report this to the check's author")


def _asked(policy: Policy, target: Stage, task: Task | None) -> dict[str, Judge]:
    return {
        rule.id: policy.judges[rule.id]
        for principle in policy.constitution.principles
        for rule in scoring.asked_for(principle, target)
        if scoring.applies(policy.tasks[rule.id], task)
    }


def _lineage(version: VersionRecord, commit_is_known: bool | None) -> Lineage:
    run, data, commit = version.run_id or "", version.dataset_digest or "", version.git_commit or ""
    signature = version.signature
    known = Origins(
        run=run,
        dataset_digest=data,
        git_commit=commit,
        logged_model=version.model_id or "",
        signature=shown_signature(len(signature.inputs), len(signature.outputs))
        if signature
        else "",
        parent=version.predecessor_uid or version.origin_uid or FIRST,
    )
    return Lineage(run, data, commit, completeness(known), commit_is_known)
