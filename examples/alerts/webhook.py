#!/usr/bin/env python3
"""Post what standard input contains to a chat: `... | webhook.py slack` or `... | webhook.py teams`.

The input is what `zuora-testenv-report --notices json` prints, or lines of text such as the verdict of a failed sync.
If there is none, nothing is posted. Only the environment variable ZUORA_TESTENV_WEBHOOK names the address: anyone
who knows it can post, so no message shows it.

Exit code 0: posted, or nothing to post. 1: not posted, try again. 2: somebody must act.
It needs Python 3.9 or newer and no package.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

VARIABLE = "ZUORA_TESTENV_WEBHOOK"
TITLE = "Zuora test environments"
# A message of Slack has at most 3,000 characters in a section, one of Teams 28 KB.
MOST_LINES = 20
LONGEST_LINE = 300
LONGEST_TEXT = 2900
TIMEOUT_SECONDS = 30
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def lines_of(text: str) -> list[str]:
    """Return one line per notice, or the lines of a text."""
    try:
        notices = json.loads(text)
    except ValueError:
        notices = None
    if isinstance(notices, list):
        lines = [
            f"{each['severity']}: {each['environment_name'] or each['test_environment_id']}"
            f"{' (tenant ' + each['tenant_id'] + ')' if each['tenant_id'] else ''}: {each['sentence']}"
            for each in notices
        ]
    else:
        lines = text.splitlines()
    lines = [" ".join(line.split())[:LONGEST_LINE] for line in lines if line.strip()]
    more = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], f"and {more} more"] if more > 0 else lines


def slack(lines: list[str]) -> dict[str, Any]:
    """Return a message in the form of Slack's incoming webhooks, in which no text is markup or a mention."""
    text = "\n".join([TITLE, *lines])[:LONGEST_TEXT]
    for sign, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, escaped)
    return {"text": text, "mrkdwn": False}


def teams(lines: list[str]) -> dict[str, Any]:
    """Return an adaptive card, as the Teams workflow "When a Teams webhook request is received" expects it."""
    # A text run has no Markdown, unlike a text block.
    body = [{"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line}]} for line in lines]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "TextBlock", "text": TITLE, "weight": "Bolder"}, *body],
    }
    return {
        "type": "message",
        "attachments": [
            {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
        ],
    }


FORMS = {"slack": slack, "teams": teams}


# Without the handler of redirects: a message is only for the host of the address.
HANDLERS = (
    urllib.request.ProxyHandler,
    urllib.request.HTTPHandler,
    urllib.request.HTTPSHandler,
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.HTTPErrorProcessor,
)


def post(url: str, message: dict[str, Any]) -> str:
    """Post a message, and return why it could not be posted; empty if it was."""
    request = urllib.request.Request(  # noqa: S310 - `address_problem` allows https, and http on this machine
        url, json.dumps(message).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    opener = urllib.request.OpenerDirector()
    for handler in HANDLERS:
        opener.add_handler(handler())
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS):
            return ""
    except urllib.error.HTTPError as error:
        return f"the webhook answered {error.code}"
    except (OSError, HTTPException, ValueError) as error:
        # The text of an exception may contain the address.
        return f"the webhook cannot be reached ({type(getattr(error, 'reason', error)).__name__})"


def address_problem(url: str) -> str:
    """Return what is wrong with the address, empty if nothing is."""
    if not url:
        return f"the environment variable {VARIABLE} is not set"
    try:
        parts = urlsplit(url)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        is_address = bool(parts.hostname) and is_safe and url.isascii() and url.isprintable() and " " not in url
    except ValueError:
        is_address = False
    return "" if is_address else f"the environment variable {VARIABLE} must be an https address"


def main() -> int:
    """Post standard input, and return the exit code."""
    arguments = sys.argv[1:]
    if len(arguments) != 1 or arguments[0] not in FORMS:
        sys.stderr.write("Misconfigured: webhook.py needs one argument, slack or teams.\n")
        return 2
    lines = lines_of(sys.stdin.read())
    if not lines:
        return 0
    url = os.environ.get(VARIABLE, "").strip()
    if problem := address_problem(url):
        sys.stderr.write(f"Misconfigured: {problem}.\n")
        return 2
    if problem := post(url, FORMS[arguments[0]](lines)):
        sys.stderr.write(f"Not posted: {problem}.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
