"""A component with a web role and a loop role, for tests of `acgs up` as a person runs it."""

from __future__ import annotations

import sys
import threading

import click

from infra import environments
from infra.component import CommandEntry, Component, Health, Probe, Role
from infra.processes import health
from infra.settings import Settings
from registry.settings import RegistrySettings, tracking_url
from serving.settings import ServingSettings


def _serve(settings: Settings, stop: threading.Event) -> None:
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from infra.web import http

    async def hello(_request: object) -> PlainTextResponse:
        return PlainTextResponse("hello")

    app = Starlette(routes=[Route("/", hello)])
    http.serve(app, settings.host, settings.of(RegistrySettings).port, stop)


def _answers(settings: Settings) -> Probe:
    import httpx

    try:
        text = httpx.get(tracking_url(settings), timeout=1).text
    except httpx.HTTPError as err:
        return Probe("web", Health.STARTING, str(err))
    return Probe("web", Health.OK if text == "hello" else Health.FAILED, text)


def _loop(settings: Settings, stop: threading.Event) -> None:
    if (settings.storage_root / "loop.dies").exists():
        print("loop: the disk is made of cheese", flush=True)
        sys.exit(7)
    if (settings.storage_root / "loop.raises").exists():
        raise ValueError("cheese")
    while not stop.wait(0.1):
        health.beat(settings, "loop")


def _prepare(settings: Settings) -> None:
    environments.tell("toys are being made")
    print("nobody is to see this", file=sys.stderr)
    (settings.folder("run") / "prepared").touch()


hello = click.Command("hello", callback=lambda: click.echo("hello"), help="Say hello.")
component = Component(
    name="toy",
    settings=lambda: (RegistrySettings, ServingSettings),
    commands=(CommandEntry("hello", "Say hello.", f"{__name__}:hello"),),
    roles=lambda: [
        Role(
            "web",
            "answers hello",
            run=_serve,
            ready=_answers,
            url=lambda settings: tracking_url(settings),
            ports=lambda settings: [("ACGS_REGISTRY_PORT", settings.of(RegistrySettings).port)],
        ),
        Role(
            "loop",
            "goes round",
            run=_loop,
            ready=lambda settings: health.beating(settings, "loop", max_age_seconds=2),
            after=("web",),
        ),
    ],
    probes=lambda settings: [
        Probe(
            "prepared",
            Health.OK if (settings.storage_root / "run" / "prepared").exists() else Health.FAILED,
        )
    ],
    prepare=_prepare,
)

greedy = Component(
    name="toy",
    settings=lambda: (RegistrySettings, ServingSettings),
    roles=lambda: [
        Role(
            "web",
            "wants two ports",
            run=_serve,
            ready=_answers,
            ports=lambda settings: [
                ("ACGS_REGISTRY_PORT", settings.of(RegistrySettings).port),
                ("ACGS_GATEWAY_PORT", settings.of(ServingSettings).gateway_port),
            ],
        )
    ],
)
