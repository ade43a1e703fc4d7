"""Writes an event as a message to an incoming webhook of Slack, or of what accepts the same.

Limits are those of Slack's Block Kit: 150 characters in a header, 3,000 in a section.
"""

from __future__ import annotations

import json

from registry.webhooks.domain.envelope import Occurrence
from registry.webhooks.domain.summary import reasons, shortened, summary

_HEADER, _SECTION = 150, 3000


def message(event: Occurrence) -> bytes:
    """Return `text` for notifications, and `blocks` with the details."""
    line = summary(event)
    facts = [
        ("Model", event.name),
        ("Version", event.version),
        ("Request", event.request_id),
        ("By", event.actor),
        *(("Reason", reason) for reason in reasons(event)),
    ]
    lines = [f"*{title}:* {_escaped(str(value))}" for title, value in facts if value is not None]
    title = event.type.replace("_", " ").replace(".", " ")
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": shortened(title, _HEADER)}},
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": shortened("\n".join(lines), _SECTION)},
        },
        {
            "type": "context",
            "elements": [{"type": "mrkdwn", "text": f"{event.type} · {_escaped(event.uid)}"}],
        },
    ]
    return json.dumps({"text": shortened(_escaped(line), _SECTION), "blocks": blocks}).encode()


def _escaped(text: str) -> str:
    # `<!channel>` in a model's name would call everybody.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
