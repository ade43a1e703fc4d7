"""What the acts of the demo work with: the registry, a plain MLflow client, the commands."""

from __future__ import annotations

import contextlib
import io
import time
import warnings
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from infra.errors import PlatformError
from pipelines.demo.outcomes import Outcomes
from pipelines.demo.people import AUTHOR, acting
from serving.settings import gateway_url

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from infra.settings import Settings
    from pipelines.demo.show import Show
    from pipelines.steps.models import Recipe
    from registry.bootstrap import Registry
    from registry.domain.records import Request, Scorecard, VersionRecord


class StoryError(PlatformError):
    """The story cannot go on: a step that it builds on did not happen."""

    code = "demo.story_broken"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a plain MLflow client that asked for a stage.

    Attributes:
        code: "OK", or MLflow's error code.
        text: the error's text, "" when there was none.
        seconds: from the call to its answer.
        request: the platform's record of what was asked.
    """

    code: str
    text: str
    seconds: float
    request: Request


@dataclass(slots=True)
class Cast:
    """Everything the acts need."""

    settings: Settings
    registry: Registry
    client: MlflowClient
    name: str
    namespace: str
    show: Show
    log: IO[str]
    outcomes: Outcomes = field(default_factory=Outcomes)

    @property
    def predictions_url(self) -> str:
        """Seldon's URL of the endpoint."""
        base = f"{gateway_url(self.settings)}/seldon/{self.namespace}/{self.name}"
        return f"{base}/api/v1.0/predictions"

    def train(self, recipe: Recipe) -> VersionRecord:
        """Train one recipe, register the model, and print the result."""
        from pipelines.steps.data import DatasetName
        from pipelines.train import Job, train

        began = time.monotonic()
        self.show.progress(f"training {recipe} on 20,000 rows and registering it as {self.name}")
        with self._quietly(), acting(AUTHOR):
            trained = train(Job(DatasetName.CREDIT, recipe, register_as=self.name))
        record = self.registry.versions.find_version(self.name, str(trained.version))
        self.show.say(
            f"{AUTHOR} trained {recipe} and registered it as {record.ref}: accuracy on its own "
            f"training rows {trained.metrics['train_accuracy']:.4f}, "
            f"in {time.monotonic() - began:.1f} s"
        )
        return record

    def ask(self, record: VersionRecord, stage: str) -> Answer:
        """Ask for a stage as any MLflow user does."""
        from mlflow.exceptions import MlflowException

        self.show.say(
            f"{AUTHOR}: client.transition_model_version_stage("
            f'"{self.name}", "{record.version}", "{stage}")'
        )
        self.show.progress("the webhook is delivered, the scorer scores")
        code, text = "OK", ""
        began = time.monotonic()
        try:
            with self._quietly(), acting(AUTHOR):
                self.client.transition_model_version_stage(self.name, str(record.version), stage)
        except MlflowException as err:
            code, text = str(err.error_code), str(err.message)
        seconds = time.monotonic() - began
        asked = [r for r in self.registry.gate.requests(self.name) if r.version_uid == record.uid]
        if not asked:
            raise StoryError(f"asking for {record.ref} left no request: {code} {text}")
        return Answer(code, text, seconds, asked[-1])

    def command(self, person: str, *arguments: str) -> str:
        """Run a command of `acgs` in a person's name; return what it said.

        Raises:
            StoryError: it ended with another exit code than 0.
        """
        code, said = self.outcome_of(person, *arguments)
        if code:
            raise StoryError(f"acgs {' '.join(arguments)} ended with {code}: {said}")
        return said

    def outcome_of(self, person: str, *arguments: str) -> tuple[int, str]:
        """Run a command of `acgs` in a person's name; return its exit code and what it said."""
        from infra.console.cli import invoke

        said = io.StringIO()
        with acting(person), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = invoke(list(arguments))
        return code, said.getvalue().strip()

    def scorecard(self, record: VersionRecord) -> Scorecard:
        """Return the version's newest verdict.

        Raises:
            StoryError: it has none.
        """
        found = self.registry.gate.scorecards(record.uid)
        if not found:
            raise StoryError(f"{record.ref} was never scored")
        return max(found, key=lambda card: card.id)

    def champion(self) -> int | None:
        """Return the number of the version that MLflow's alias `champion` names."""
        from mlflow.exceptions import MlflowException

        try:
            return int(self.client.get_model_version_by_alias(self.name, "champion").version)
        except MlflowException:
            return None

    def stage(self, record: VersionRecord) -> str:
        """Return the stage that MLflow shows."""
        found = self.client.get_model_version(self.name, str(record.version))
        return str(found.current_stage)

    @contextlib.contextmanager
    def _quietly(self) -> Generator[None]:
        """Keep MLflow's remarks (deprecated stages, run URLs) out of the story; they are logged."""
        with (
            contextlib.redirect_stderr(self.log),
            contextlib.redirect_stdout(self.log),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
