"""`acgs demo`: prepares the storage root, plays the story, and checks every outcome."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import click

from infra.errors import PlatformError, RefusedError
from infra.processes.interrupts import interrupted_once
from pipelines.demo.stores import CHOICES, Stores, chosen
from registry.settings import tracking_url

if TYPE_CHECKING:
    from pathlib import Path

    from infra.settings import Settings
    from pipelines.demo.cast import Cast
    from pipelines.demo.outcomes import Outcomes
    from pipelines.demo.show import Show


class WrongOutcomeError(RefusedError):
    """An outcome of the story was wrong."""

    code = "demo.wrong_outcome"


_ENDED = {
    Stores.EMBEDDED: "The platform has ended; acgs up brings it back, and these pages with it.",
    Stores.SERVERS: "The platform has ended, and its servers with it.",
}


@click.command("demo", short_help="Play governed promotions, in two minutes")
@click.option(
    "--exit",
    "ends",
    is_flag=True,
    help="End after the story; always so when standard input is no terminal.",
)
@click.option(
    "--traffic-rate",
    type=click.FloatRange(20, 1000),
    default=150.0,
    show_default=True,
    help="Live requests per second.",
)
@click.option(
    "--stores",
    "pair",
    type=click.Choice(CHOICES),
    default=CHOICES[0],
    show_default=True,
    help="Play on a PostgreSQL and an S3 server of the demo's own, found or obtained.",
)
def demo(ends: bool, traffic_rate: float, pair: str) -> None:
    """Play one governed promotion after another, for real, in about two minutes."""
    from infra.configuration import load_settings
    from pipelines.demo.show import Show

    # Keep MLflow's run URLs out of the story.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    with (
        interrupted_once(),
        closing(Show()) as show,
        chosen(Stores(pair), load_settings(), show.say),
    ):
        stays = not ends and sys.stdin.isatty()
        play(load_settings(), show, traffic_rate, stays=stays)
        show.line(_ENDED[Stores(pair)])


def play(settings: Settings, show: Show, traffic_rate: float, *, stays: bool) -> None:
    """Play the whole demo; the platform has ended on return.

    Args:
        settings: of the platform; the demo takes its storage root.
        show: prints what happens.
        traffic_rate: live requests per second.
        stays: keep the platform and the traffic running after the story, until interrupted.

    Raises:
        WrongOutcomeError: an outcome was not the right one; names each.
        PlatformError: the platform could not be started.
    """
    from infra import origin
    from infra.component import roles
    from infra.configuration import load_settings
    from pipelines.demo import platform, root
    from pipelines.steps import data
    from serving.engines.local.environment import provide

    root.claim(settings)
    if origin.commit() is None:
        show.say("no git commit found: the lineage rule will count that against every model")
    # Here, since the start has a time limit and a download has none.
    provide(settings, show.say)
    warm = threading.Thread(target=_import_ahead, daemon=True)
    warm.start()
    wanted = [pair for role in roles().values() for pair in role.ports(settings)]
    flags = root.free_ports(settings, wanted)
    for setting, port in flags.items():
        show.say(f"the usual port of {setting} is taken; taking {port}")
    os.environ.update(flags)
    # The training, and whatever else runs in this process, talks to this platform alone.
    settings = load_settings()
    os.environ["MLFLOW_TRACKING_URI"] = tracking_url(settings)
    show.scene("0  Starting the platform")
    root.lay_out(settings, data.load(data.DatasetName.CREDIT))
    with platform.running(settings, flags, show.progress):
        warm.join()
        show.say(f"every role is ready; storage root {settings.storage_root}")
        show.say("this platform is open: the people's names below are claims, which nobody proves")
        show.end_scene("ready")
        _play_on(settings, show, traffic_rate, stays=stays)


def _play_on(settings: Settings, show: Show, traffic_rate: float, *, stays: bool) -> None:
    import mlflow

    from pipelines.demo import root, story
    from pipelines.demo.cast import Cast
    from registry.bootstrap import open_registry

    mlflow.set_tracking_uri(tracking_url(settings))
    registry = open_registry(settings)
    name = root.fresh_name([endpoint.name for endpoint in registry.endpoints.endpoints()])
    with (settings.folder("logs") / "demo.log").open("a") as log:
        cast = Cast(settings, registry, mlflow.MlflowClient(), name, root.NAMESPACE, show, log)
        story.create_endpoint(cast)
        _acts(cast, traffic_rate, stays=stays)
    judge(cast.outcomes, show, settings.folder("logs"))


def _acts(cast: Cast, traffic_rate: float, *, stays: bool) -> None:
    from pipelines.demo import audit, epilogue, story
    from pipelines.demo.stream import Stream

    played = story.Played()
    try:
        story.first_deployment(cast, played)
        with Stream(cast.predictions_url, traffic_rate) as stream:
            try:
                story.better_version(cast, played, stream)
                story.biased_version(cast, played)
                story.fragile_version(cast, played, stream)
                story.aftermath(cast, played, stream)
            finally:
                traffic = stream.reading() if stays else stream.end()
            story.predict(cast)
            audit.verify(cast)
            epilogue.tell(cast, played, traffic)
            if stays:
                _stay(cast)
    except PlatformError as err:
        cast.show.outcome(
            cast.outcomes.check(
                "the story", expected="played to its end", found=str(err), right=False
            )
        )


def _stay(cast: Cast) -> None:
    cast.show.line()
    cast.show.line("The platform keeps running under live traffic. Ctrl-C ends it.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        cast.show.line("ending")


def judge(outcomes: Outcomes, show: Show, logs: Path) -> None:
    """Say whether every outcome was the right one.

    Raises:
        WrongOutcomeError: one was not; names each.
    """
    show.line()
    if outcomes.wrong:
        raise WrongOutcomeError(
            f"{len(outcomes.wrong)} of {len(outcomes.all)} outcomes were wrong:"
            + "".join(
                f"\n  - {o.what}: expected {o.expected}, found {o.found}" for o in outcomes.wrong
            ),
            hint=f"the roles' logs are in {logs}",
        )
    show.line(
        f"All {len(outcomes.all)} outcomes were the right ones, after {show.elapsed_seconds:.1f} s."
    )


def _import_ahead() -> None:
    """Load what the acts need while the platform starts; MLflow alone takes seconds."""
    from importlib import import_module

    for module in (
        "mlflow.pyfunc",
        "mlflow.sklearn",
        "sklearn.linear_model",
        "registry.bootstrap",
        "serving.domain.plan",
    ):
        import_module(module)
    # Makes MLflow load its store plugins; connects to nothing.
    import_module("mlflow").MlflowClient("http://127.0.0.1:1")
