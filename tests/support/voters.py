"""A governed store on which people with proven names and roles vote."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import yaml

from compliance.constitution import constitution_file
from infra.clock import to_millis
from infra.identity.current import Caller, acting
from infra.identity.principal import Principal, Source
from infra.identity.settings import IdentitySettings
from infra.settings import Settings
from registry.bootstrap import Registry, open_registry
from registry.domain.records import Act, Ask, Request
from registry.domain.values import Enforcement, RequestKind, Stage, Verdict
from registry.gate.approvals import Manner
from registry.gate.delegations import Wish
from registry.gate.people import PeopleOn, people_on
from registry.governance.adapters.evidence_file import binding_digest
from registry.plugin.store import GovernedStore
from tests.support.platform import write_constitution
from tests.support.roles import document

NAME = "credit"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AUTHOR, ASKER = "ann", "ben"
GROUPS: Mapping[str, tuple[str, ...]] = {
    "lea": ("leads",),
    "sam": ("security",),
    "both": ("leads", "security"),
    "lou": ("leads",),
    AUTHOR: ("leads",),
    ASKER: ("leads",),
}
"""Who is in which group, as their identity provider says."""
T = TypeVar("T")


def as_person(name: str, act: Callable[[], T], *, groups: tuple[str, ...] | None = None) -> T:
    """Do something as a person whose name a token proves."""
    with acting(caller(name, groups)):
        return act()


def caller(name: str, groups: tuple[str, ...] | None = None) -> Caller:
    found = GROUPS.get(name, ()) if groups is None else groups
    return Caller(Principal(name, groups=found, source=Source.JWT), "10.0.0.1")


def constitution(root: Path, **production: Any) -> None:
    """Put a constitution that asks this of people for Production into a root."""
    write_constitution(root)
    path = root / "constitution" / "constitution.yaml"
    written = yaml.safe_load(path.read_text("utf-8"))
    written["stages"]["Production"] |= production
    path.write_text(yaml.safe_dump(written), "utf-8")
    constitution_file.write_lock(path)


def roles(**groups: str) -> dict[str, Any]:
    """Return a document in which each role, which may approve, is given to a group."""
    return document(
        {"role": "all", "to": ["person:admin"]},
        {"role": "author", "to": [f"person:{AUTHOR}"]},
        *({"role": role, "to": [f"group:{group}"]} for role, group in groups.items()),
        author=["register"],
        **{role: ["read", "approve"] for role in groups},
    )


LEAD_AND_SECURITY = roles(lead="leads", security="security")


@dataclass
class Voters:
    """A registry with one version, and the people around it.

    Attributes:
        now: the moment at which the next thing is done.
    """

    root: Path
    store: GovernedStore
    registry: Registry
    now: datetime = START
    made: int = field(default=0)

    def pass_hours(self, hours: float) -> None:
        self.now += timedelta(hours=hours)

    def adopt(self, value: dict[str, Any]) -> None:
        """Put roles in force."""
        self.registry.access.adopt(
            value,
            Principal("admin", source=Source.JWT),
            Act("admin@cli", to_millis(self.now)),
            recovering="a test",
        )

    def adopt_constitution(self, **production: Any) -> None:
        """Put a constitution in force that asks this of people for Production."""
        constitution(self.root, **production)
        act = Act("admin@cli", to_millis(self.now))
        self.registry.governance.adopt_constitution(act)

    def register(self) -> int:
        self.made += 1
        folder = self.root / "models" / str(self.made)
        folder.mkdir(parents=True)
        (folder / "MLmodel").write_text(f"flavors: {{}}\n# {self.made}\n")
        return as_person(
            AUTHOR, lambda: int(self.store.create_model_version(NAME, str(folder)).version)
        )

    def ask(self, number: int, who: str = ASKER) -> Request:
        version = self.registry.versions.find_version(NAME, str(number))
        asked = Ask(RequestKind.TRANSITION, version, NAME, Stage.PRODUCTION, caller(who).actor)
        return as_person(who, lambda: self.registry.gate.open_request(asked, self.now))

    def judge(self, request: Request, points: float = 0.97) -> Request:
        """Attach a passing verdict, as the scorer does, and settle."""
        governance = self.registry.governance.current()
        verdict = Verdict(
            score=points,
            passed=True,
            enforcement=Enforcement.ENFORCE,
            approvals_needed=len(governance.approval_rules(Stage.PRODUCTION).seats()),
            reasons=(),
            manifest_digest=request.manifest_digest,
            constitution_digest=governance.constitution_digest,
            evidence_digest=binding_digest(self.registry.gate.settings, NAME),
            document={"score": points},
        )
        self.registry.gate.attach_verdict(request.id, verdict, self.now)
        return self.settle(request)

    def judged(self) -> Request:
        """Return a new request with a verdict, which waits for people."""
        return self.judge(self.ask(self.register()))

    def settle(self, request: Request) -> Request:
        return self.registry.gate.settle(request.id, self.now)

    def approve(
        self, request: Request, who: str, lender: str = "", shown: str = "", **more: Any
    ) -> Request:
        return as_person(
            who,
            lambda: self.registry.approvals.approve(
                request.id, caller(who).actor, "", self.now, Manner(lender, shown)
            ),
            **more,
        )

    def lend(self, who: str, to: str, hours: float = 24.0, role: str = "") -> int:
        wish = Wish(to, ("cred*",), role, self.now + timedelta(hours=hours))
        return self.registry.delegations.lend(caller(who), wish, self.now).id

    def people(self, request: Request) -> PeopleOn:
        found = self.registry.gate.get_request(request.id)
        return people_on(self.registry.gate, found, self.now)

    def seats(self, request: Request) -> list[tuple[str, str | None]]:
        return [(seat.role, seat.by) for seat in self.people(request).seats]

    def events(self) -> list[str]:
        return [event.type for event in self.registry.audit.events()]

    def plan(self, plan: dict[str, Any]) -> None:
        """Give the model an endpoint with this plan, or its endpoint another plan."""
        self.registry.endpoints.create_endpoint(NAME, "acgs", plan, "ada", self.now)


@contextmanager
def voters(
    root: Path,
    url: str,
    *,
    identity: str = "jwt",
    adopted: dict[str, Any] | None = None,
    **production: Any,
) -> Iterator[Voters]:
    """Open a store on a database.

    Args:
        root: where constitution and files lie.
        url: of the database.
        identity: `open` where names are claims.
        adopted: roles to put in force; None for none.
        **production: what the constitution asks of people for Production.
    """  # fmt: skip
    constitution(root, **production)
    settings = Settings(storage_root=root, database_url=url).having(
        IdentitySettings(identity=identity)
    )
    store = GovernedStore(Settings(storage_root=root, database_url=url))
    registry = open_registry(settings)
    found = Voters(root, store, registry)
    try:
        if adopted is not None:
            found.adopt(adopted)
        as_person("admin", lambda: store.create_registered_model(NAME))
        yield found
    finally:
        registry.engine.dispose()
        store.registry.engine.dispose()
        store.engine.dispose()
