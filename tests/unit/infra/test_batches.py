"""Long work comes in calls that end in time."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from infra.batches import Batch, every


def ticking(seconds: float) -> Iterator[float]:
    now = 0.0
    while True:
        yield now
        now += seconds


def worked(items: list[str], after: str, seconds_each: float) -> tuple[list[str], str | None]:
    clock = ticking(seconds_each)
    batch = Batch(seconds=10, now=lambda: next(clock))
    return list(batch.of(items, str, after)), batch.next


def test_what_does_not_fit_into_one_call_is_left_to_the_next() -> None:
    items = ["d", "b", "a", "c"]
    assert worked(items, "", 1) == (["a", "b", "c", "d"], None)
    assert worked(items, "", 6) == (["a", "b"], "b")
    assert worked(items, "b", 6) == (["c", "d"], None)
    assert worked(items, "d", 6) == ([], None)


def test_every_call_does_something_however_slow() -> None:
    items, done, after = ["a", "b", "c"], [], ""
    for _ in items:
        some, left = worked(items, after, 60)
        done += some
        after = left or ""
    assert (done, after) == (items, "")


def test_calls_go_on_until_the_last() -> None:
    answers: dict[str | None, dict[str, str | None]] = {
        None: {"next": "b"},
        "b": {"next": "c"},
        "c": {"next": None},
    }
    assert list(every(lambda after: answers[after])) == list(answers.values())


def test_what_arrives_is_taken_while_there_is_time_and_its_maker_closed() -> None:
    ended = []

    def made() -> Generator[int, None, None]:
        try:
            yield from range(5)
        finally:
            ended.append(True)

    clock = ticking(6)
    batch = Batch(seconds=10, now=lambda: next(clock))
    assert (list(batch.arriving(made())), batch.next, ended) == ([0, 1], "more", [True])
    batch = Batch(seconds=10, now=lambda: 0.0)
    assert (list(batch.arriving(made())), batch.next) == ([0, 1, 2, 3, 4], None)
