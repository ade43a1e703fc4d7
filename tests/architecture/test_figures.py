from __future__ import annotations

import pytest

from tests.architecture import figures

LONGEST_CHAIN = 13
WIDE = {
    "registry.plugin.governed_versions.create_model_version",  # MLflow's own signature
    "registry.webhooks.service.add",  # keywords of the Python interface
    "registry.git.adapters.book.open",  # each is one column of the page
    "registry.versions.domain.bill.bill",  # each is one part of the document
}
FLAT = {
    # What puts the registry together, or belongs to no room more than to another.
    "registry": {"bootstrap", "component", "errors", "manager", "metrics", "settings"},
    "registry/adapters": {"locks", "mirror", "mlflow_tables", "tables", "version_rows"},
}


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert list(figures.circle(figures.graph())) == []


def test_no_chain_of_imports_is_longer_than_thirteen_modules() -> None:
    longest = figures.chain(figures.graph())
    assert len(longest) <= LONGEST_CHAIN, figures.figures()


def test_a_migration_imports_tables_at_most() -> None:
    """It stays what it was when it ran, whatever becomes of the code."""
    edges = figures.graph()
    imported = {to for name in edges if ".migrations." in name for to in edges[name]}
    assert {name for name in imported if not name.endswith(".adapters.tables")} == {
        "infra.stores.migration_env"
    }


def test_only_what_mlflow_and_click_force_takes_methods_from_another_class() -> None:
    heirs = {name for name in figures.heirs() if not name.startswith("registry.plugin.")}
    assert heirs == {"infra.console.cli.ComponentGroup(LazyGroup)"}


def test_no_function_of_the_registry_takes_more_than_five_parameters() -> None:
    assert set(figures.wide("registry", 5)) == WIDE


@pytest.mark.parametrize("folder", FLAT)
def test_no_module_of_a_room_lies_flat(folder: str) -> None:
    assert set(figures.flat(folder)) == FLAT[folder]


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ({"a": {"b", "c"}, "b": {"c"}, "c": set()}, 3),
        ({"a": {"c"}, "b": {"c"}, "c": set()}, 2),
        ({"a": set()}, 1),
    ],
)
def test_a_chain_is_the_longest_path(edges: dict[str, set[str]], expected: int) -> None:
    assert len(figures.chain({name: frozenset(to) for name, to in edges.items()})) == expected


def test_a_circle_is_named() -> None:
    edges = {"a": frozenset({"b"}), "b": frozenset({"a"})}
    assert {"a", "b"} == set(figures.circle(edges))


def test_the_figures_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print(figures.figures())
    printed = capsys.readouterr().out
    assert "modules in a circle: 0" in printed
    assert "longest chain: " in printed


@pytest.mark.parametrize("kind", ["unit", "integration"])
@pytest.mark.parametrize("package", ["infra", "registry", "compliance", "serving"])
def test_the_folders_of_tests_are_named_after_the_rooms_that_they_test(
    kind: str, package: str
) -> None:
    tested = [f.name for f in (figures.ROOT / "tests" / kind / package).iterdir() if f.is_dir()]
    rooms = [f.name for f in (figures.ROOT / package).iterdir() if f.is_dir()]
    assert set(tested) - {"__pycache__"} <= set(rooms)
