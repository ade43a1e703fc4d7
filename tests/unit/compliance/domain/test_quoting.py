"""What a verdict says of a failure holds no word of a model and no cell of a holdout."""

from __future__ import annotations

import pytest

from compliance.domain import quoting
from infra.errors import UnavailableError

CANARY = "Mrs Smith-4711"


@pytest.mark.parametrize(
    "message",
    [
        "the model answered with more than 4000000 bytes",
        "expected a folder with the model's files, found none",
        "the model hung on load: expected an answer within 20 s",
        "the model crashed on predict (signal 6, SIGABRT)",
        "the model crashed on odd rows (signal 11, SIGSEGV)",
        "the model ended without an answer on scan (exit code 3)",
        "the model gave no answer that could be read",
        "expected one number or class per row",
        "expected finite answers, found 12 NaN or infinite",
    ],
)
def test_the_sandbox_s_own_words_are_kept(message: str) -> None:
    assert quoting.of_model(message) == message


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (f"the model failed on predict: ValueError: could not convert '{CANARY}'",
         "the model failed on predict: ValueError"),
        (f"the model failed on predict: {CANARY.split()[1][:5]}: x",
         "the model failed on predict: an error of its own type"),
        (f"the model failed on load: MlflowException: {CANARY}\nand {CANARY}",
         "the model failed on load: MlflowException"),
        ("the model failed on predict: ValueError: expected one answer per row, found (4711, 2)",
         "the model failed on predict: expected one answer per row"),
        ("expected 200 answers for 200 rows, found 4711",
         "expected 200 answers for 200 rows, found more"),
        ("expected 200 answers for 200 rows, found 47",
         "expected 200 answers for 200 rows, found fewer"),
        (f"the model's answer cannot be read: {CANARY}", "the model's answer cannot be read"),
        (f"the model crashed on {CANARY[:16]} (signal 6, SIGABRT)",
         "the model could not be asked"),
        (f"the model gave no answer that could be read {CANARY}", "the model could not be asked"),
        (CANARY, "the model could not be asked"),
        (f"expected one number or class per row\n{CANARY}", "the model could not be asked"),
    ],
)  # fmt: skip
def test_every_word_that_the_model_chose_is_left_out(message: str, said: str) -> None:
    assert quoting.of_model(message) == said


def test_a_failure_of_our_own_is_told_by_type_and_place() -> None:
    try:
        int(CANARY)
    except ValueError as err:
        found = quoting.safe(err)
    assert found.startswith("ValueError at ")
    assert __name__ in found
    assert CANARY not in found


def test_an_error_of_the_platform_keeps_its_words() -> None:
    assert quoting.safe(UnavailableError("the store did not answer")) == "the store did not answer"
