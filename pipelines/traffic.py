"""Sends the documented live traffic to an endpoint, at a steady rate.

    python -m pipelines.traffic http://127.0.0.1:9000/seldon/acgs/credit/api/v1.0/predictions

Open loop: a request is sent when it is due, whether or not earlier ones were answered, and its
latency counts from the moment it was due. So a slow server looks slow, instead of getting fewer
requests. Writes one JSON line of running totals per interval to stdout, and ends when its
standard input closes, at a limit, or on a signal.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from infra.errors import UsageError
from pipelines import options
from pipelines.steps.data import DEFAULT_SEED
from pipelines.tally import NOBODY, Counting, Tally

if TYPE_CHECKING:
    import aiohttp

VERSION_HEADER = "x-acgs-model-version"
TIMEOUT_SECONDS = 10.0
MAX_RATE = 2_000.0
_BODIES = 4_000
_EXAMPLE_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class Load:
    """How much to send.

    Attributes:
        url: of the predictions endpoint, on this machine.
        rate: requests per second, in (0, 2000].
        max_seconds, max_requests: the stream ends at the first limit it meets, both > 0.
        max_in_flight: requests under way at once; more wait, and their latency shows it.
        report_seconds: interval between readings.
    """

    url: str
    rate: float = 150.0
    max_seconds: float = 3_600.0
    max_requests: int = 1_000_000
    max_in_flight: int = 256
    report_seconds: float = 0.25

    def __post_init__(self) -> None:
        if not _on_this_machine(self.url):
            raise UsageError(
                f"expected the URL of a server on this machine, found {self.url!r}",
                hint="this client makes load; point it at 127.0.0.1",
            )
        if not 0 < self.rate <= MAX_RATE:
            raise UsageError(f"expected a rate in (0, {MAX_RATE:g}] per second, found {self.rate}")


def _on_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def bodies(seed: int = DEFAULT_SEED) -> Sequence[bytes]:
    """Return request bodies of the live distribution, one row each; an empty income is null."""
    from pipelines.steps.credit import FEATURES, live_requests

    rows = live_requests(_BODIES, seed=seed)
    return [
        json.dumps(
            {
                "data": {
                    "names": list(FEATURES),
                    "ndarray": [[None if cell != cell else cell for cell in row]],
                }
            }
        ).encode()
        for row in rows.to_numpy().tolist()
    ]


async def send(
    load: Load, requests: Sequence[bytes], stop: asyncio.Event, report: Callable[[Tally], None]
) -> Tally:
    """Send until a limit or the event, then wait for what is under way; return the totals.

    What was due but still waits for its turn when the event comes is not sent.

    Args:
        load: how much.
        requests: bodies, sent in turn.
        stop: ends the stream.
        report: called with the totals at every interval and at the end.
    """
    import aiohttp

    counting = Counting()
    loop = asyncio.get_running_loop()
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=load.max_in_flight),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
            headers={"content-type": "application/json"},
        ) as client,
        asyncio.TaskGroup() as under_way,
    ):
        gate = asyncio.Semaphore(load.max_in_flight)
        begun = loop.time()
        next_report = begun + load.report_seconds
        while counting.due < load.max_requests and not stop.is_set():
            due = begun + counting.due / load.rate
            if due - begun > load.max_seconds:
                break
            await _sleep_until(due, stop)
            body = requests[counting.due % len(requests)]
            under_way.create_task(_one(client, load.url, body, due, gate, stop, counting))
            counting.due += 1
            if loop.time() >= next_report:
                report(counting.reading())
                next_report = loop.time() + load.report_seconds
    report(counting.reading())
    return counting.reading()


async def _sleep_until(due: float, stop: asyncio.Event) -> None:
    pause = due - asyncio.get_running_loop().time()
    if pause > 0:
        try:
            await asyncio.wait_for(stop.wait(), pause)
        except TimeoutError:
            return
    else:
        # Late already: let answers be received, then go on at once.
        await asyncio.sleep(0)


async def _one(
    client: aiohttp.ClientSession,
    url: str,
    body: bytes,
    due: float,
    gate: asyncio.Semaphore,
    stop: asyncio.Event,
    counting: Counting,
) -> None:
    import aiohttp

    version, failure = NOBODY, None
    async with gate:
        if stop.is_set():
            return
        try:
            async with client.post(url, data=body) as answer:
                text = await answer.text()
                version = answer.headers.get(VERSION_HEADER, NOBODY)
                if not answer.ok:
                    failure = f"HTTP {answer.status} {text[:_EXAMPLE_CHARACTERS]}"
        except (aiohttp.ClientError, TimeoutError) as err:
            failure = f"{type(err).__name__} {err}"
    latency_ms = (asyncio.get_running_loop().time() - due) * 1000
    counting.add(version, max(latency_ms, 0.0), failure)


async def _main(load: Load, seed: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with suppress(PermissionError):  # a file cannot be waited for: the limits end the stream
        loop.add_reader(sys.stdin.fileno(), _watch_end_of_input, stop)
    await send(load, bodies(seed), stop, _print)


def _watch_end_of_input(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop.set()


def _print(tally: Tally) -> None:
    try:
        print(json.dumps(tally.document()), flush=True)
    except BrokenPipeError:
        # The reader has gone: nobody needs this load any more.
        sys.exit(0)


@click.command(context_settings={"show_default": True})
@click.argument("url")
@click.option(
    "--rate",
    type=click.FloatRange(0, MAX_RATE, min_open=True),
    default=150.0,
    help="Requests per second.",
)
@click.option(
    "--max-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=3_600.0,
    help="End after this long.",
)
@click.option(
    "--max-requests", type=click.IntRange(min=1), default=1_000_000, help="End after this many."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=DEFAULT_SEED, help="Seed of the requests."
)
def main(url: str, rate: float, max_seconds: float, max_requests: int, seed: int) -> None:
    """Send live credit requests to URL; end when standard input closes."""
    load = Load(url, rate=rate, max_seconds=max_seconds, max_requests=max_requests)
    asyncio.run(_main(load, seed))


if __name__ == "__main__":
    options.run_as_program(main)
