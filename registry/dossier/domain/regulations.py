"""Says where a dossier contributes to what two regulations ask, and where it says nothing.

Sources: Regulation (EU) 2024/1689 (AI Act), Annex IV; Board of Governors of the Federal Reserve
System, SR letter 11-7 (2011), sections IV to VI, which SR 26-2 superseded on 17 April 2026. A
dossier is evidence for an examiner, never proof of conformity.
"""

from __future__ import annotations

from dataclasses import dataclass

from registry.dossier.domain.json_values import NOT_RECORDED

AI_ACT = "EU AI Act, Annex IV, point"
SR_11_7 = "SR 11-7, section"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a point asks, in few words, and the sections that contribute to an answer."""

    point: str
    what: str
    sections: tuple[str, ...] = ()


ASKED = (
    Asked(f"{AI_ACT} 1(a)", "purpose, provider, version and its relation to others", ("model",)),
    Asked(f"{AI_ACT} 1(b)", "interaction with other hardware and software"),
    Asked(f"{AI_ACT} 1(c)", "versions of relevant software", ("controls",)),
    Asked(f"{AI_ACT} 1(d)", "forms in which it is put into service", ("model",)),
    Asked(f"{AI_ACT} 1(e)", "hardware that it is meant for"),
    Asked(f"{AI_ACT} 1(f)", "pictures of the product that it is part of"),
    Asked(f"{AI_ACT} 1(g)", "user interface"),
    Asked(f"{AI_ACT} 1(h)", "instructions for use"),
    Asked(f"{AI_ACT} 2(a)", "methods and steps of development", ("development",)),
    Asked(f"{AI_ACT} 2(b)", "design and its assumptions"),
    Asked(f"{AI_ACT} 2(c)", "architecture and computational resources"),
    Asked(f"{AI_ACT} 2(d)", "data that it was trained on", ("development",)),
    Asked(f"{AI_ACT} 2(e)", "human oversight", ("decisions",)),
    Asked(f"{AI_ACT} 2(f)", "pre-determined changes"),
    Asked(f"{AI_ACT} 2(g)", "validation and testing", ("controls",)),
    Asked(f"{AI_ACT} 2(h)", "cybersecurity measures", ("files", "record")),
    Asked(f"{AI_ACT} 3", "monitoring, functioning and control", ("monitoring", "incidents")),
    Asked(f"{AI_ACT} 4", "appropriateness of the metrics"),
    Asked(f"{AI_ACT} 5", "risk management system"),
    Asked(f"{AI_ACT} 6", "changes through its lifecycle", ("changes",)),
    Asked(f"{AI_ACT} 7", "harmonised standards applied"),
    Asked(f"{AI_ACT} 8", "EU declaration of conformity"),
    Asked(f"{AI_ACT} 9", "evaluation after it is on the market", ("monitoring",)),
    Asked(f"{SR_11_7} IV", "development, implementation and use", ("model", "development")),
    Asked(f"{SR_11_7} V", "validation", ("controls", "monitoring", "incidents")),
    Asked(
        f"{SR_11_7} VI",
        "governance, policies and controls, with the inventory of models",
        ("model", "decisions", "changes", "governance", "record"),
    ),
)
"""In the order in which they ask."""


def points_of(section: str) -> list[str]:
    """Return the points that a section contributes to."""
    return [asked.point for asked in ASKED if section in asked.sections]


def index() -> list[dict[str, object]]:
    """Return each point with the sections that contribute to it, or that nothing is recorded."""
    return [
        {
            "point": asked.point,
            "asks": asked.what,
            "sections": list(asked.sections) or NOT_RECORDED,
        }
        for asked in ASKED
    ]
