from __future__ import annotations

import asyncio
import threading

from starlette.concurrency import run_in_threadpool

from infra.identity.current import Caller, acting, current_caller, current_principal
from infra.identity.principal import Principal

ALICE = Caller(Principal("alice"), "127.0.0.1")
BOB = Caller(Principal("bob"), "cli")


def test_without_a_request_nobody_is_asking() -> None:
    assert current_caller() is None
    assert current_principal() is None


def test_a_caller_is_current_within_the_block_only() -> None:
    with acting(ALICE):
        with acting(BOB):
            assert current_principal() == Principal("bob")
        assert current_caller() == ALICE
    assert current_caller() is None


def test_the_audit_trail_names_the_caller_and_the_place() -> None:
    assert ALICE.actor == "alice@127.0.0.1"


def test_a_worker_thread_of_a_request_knows_its_caller() -> None:
    async def ask(caller: Caller) -> Caller | None:
        with acting(caller):
            await asyncio.sleep(0)
            return await run_in_threadpool(current_caller)

    async def both() -> list[Caller | None]:
        return list(await asyncio.gather(ask(ALICE), ask(BOB)))

    assert asyncio.run(both()) == [ALICE, BOB]


def test_a_thread_of_its_own_begins_without_a_caller() -> None:
    found: list[Caller | None] = []
    with acting(ALICE):
        thread = threading.Thread(target=lambda: found.append(current_caller()))
        thread.start()
        thread.join()

    assert found == [None]
