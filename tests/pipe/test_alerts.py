"""The alerts of docs/schedules.md, posted to a server on this machine."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from dev.testbed.processes import command
from tap_zuora_testenv.report.marts import Notice
from tap_zuora_testenv.report.report_command import as_json
from tests.documentation import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[2]
WEBHOOK = CHECKOUT / "examples" / "alerts" / "webhook.py"
UNIT = CHECKOUT / "examples" / "alerts" / "zuora-testenv-alert.service"
PAGE = (CHECKOUT / "docs" / "schedules.md").read_text(encoding="utf-8")
SHELL = shutil.which("sh") or "/bin/sh"
# What only those may know who post.
SECRET = "T0000/B0000/not-to-be-shown"
VERDICT = "Misconfigured: POST /oauth/token at rest.na.zuora.com answered 401."

needs_flock = pytest.mark.skipif(shutil.which("flock") is None, reason="there is no flock, which sync.sh needs")


class Chat(ThreadingHTTPServer):
    """A chat that keeps what is posted to it, and answers with a status."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.posted: list[Any] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/{SECRET}"


class Handler(BaseHTTPRequestHandler):
    server: Chat

    def do_POST(self) -> None:
        assert self.headers["Content-Type"] == "application/json"
        assert self.path == f"/services/{SECRET}"
        self.server.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.server.posted.append("a redirect was followed")
        self.send_error(404)

    @override
    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@contextmanager
def running() -> Iterator[Chat]:
    with Chat() as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def chat() -> Iterator[Chat]:
    with running() as server:
        yield server


def notice(sentence: str, *, name: str | None = "Acme UAT", tenant: str | None = None) -> Notice:
    now = datetime(2026, 11, 25, tzinfo=UTC)
    return Notice("1", "env-1", name, tenant, "failed", "alert", now, sentence, now, as_of_is_known=True)


def post(form: str, text: str, url: str | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - ours
        [sys.executable, WEBHOOK, form],
        input=text,
        env={} if url is None else {"ZUORA_TESTENV_WEBHOOK": url},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line as cron and systemd do; programs in the folder `bin` come first."""
    return subprocess.run(  # noqa: S603 - what the page says
        [SHELL, "-c", line.replace("/opt/zuora-testenv/webhook.py", shlex.quote(str(WEBHOOK)))],
        env={"PATH": f"{folder / 'bin'}:/usr/bin:/bin"} | environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def program(folder: Path, name: str, script: str) -> str:
    path = folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!{SHELL}\n{script}\n")
    path.chmod(0o700)
    return str(path)


def cron_lines() -> list[str]:
    """Return the two lines of the page that post: for a sync, and for the notices."""
    return [line.split(maxsplit=5)[5] for line in re.findall(r"^[\d* ]+/opt/.*\| .*$", PAGE, re.MULTILINE)]


def exec_start(text: str) -> str:
    (line,) = re.findall(r"^ExecStart=/bin/sh -c '(.*)'$", text, re.MULTILINE)
    return str(line)


def test_slack_gets_a_line_per_notice_and_no_text_is_a_mention(chat: Chat) -> None:
    notices = [notice("The refresh <!channel> failed\n& ended."), notice("Late.", name=None, tenant="7")]
    done = post("slack", as_json(notices), chat.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (message,) = chat.posted
    assert message == {
        "text": "Zuora test environments\n"
        "alert: Acme UAT: The refresh &lt;!channel&gt; failed &amp; ended.\n"
        "alert: env-1 (tenant 7): Late.",
        "mrkdwn": False,
    }


def test_teams_gets_an_adaptive_card_without_markdown(chat: Chat) -> None:
    assert post("teams", as_json([notice("**Failed**.")]), chat.url).returncode == 0
    (message,) = chat.posted
    (attachment,) = message["attachments"]
    assert message["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    heading, line = card["body"]
    assert (heading["type"], heading["text"]) == ("TextBlock", "Zuora test environments")
    assert line == {
        "type": "RichTextBlock",
        "inlines": [{"type": "TextRun", "text": "alert: Acme UAT: **Failed**."}],
    }


@pytest.mark.parametrize("text", ["", "\n", "[]\n"], ids=["no input", "an empty line", "no notices"])
def test_without_news_nothing_is_posted(text: str) -> None:
    # No address is needed for that.
    done = post("slack", text, None)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_flood_is_cut(chat: Chat) -> None:
    post("slack", "".join(f"{number} {'x' * 1000}\n" for number in range(100)), chat.url)
    assert len(chat.posted[0]["text"]) <= 2900
    post("slack", as_json([notice(str(number)) for number in range(25)]), chat.url)
    assert chat.posted[1]["text"].splitlines()[-2:] == ["alert: Acme UAT: 19", "and 5 more"]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_post_that_fails_says_so_without_the_address(chat: Chat, status: int) -> None:
    chat.status = status
    done = post("slack", VERDICT, chat.url)
    assert (done.returncode, done.stderr) == (1, f"Not posted: the webhook answered {status}.\n")
    assert len(chat.posted) == 1


def test_a_chat_that_is_not_there_is_reported_without_the_address(chat: Chat) -> None:
    url = chat.url
    chat.server_close()
    done = post("teams", VERDICT, url)
    assert (done.returncode, done.stderr) == (
        1,
        "Not posted: the webhook cannot be reached (ConnectionRefusedError).\n",
    )


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (None, "is not set"),
        ("", "is not set"),
        (f"http://hooks.example.com/{SECRET}", "must be an https address"),
        (f"hooks.example.com/{SECRET}", "must be an https address"),
        (f"https:///{SECRET}", "must be an https address"),
        (f"https://[{SECRET}", "must be an https address"),
        (f"file:///{SECRET}", "must be an https address"),
        (f"https://hooks.example.com/a b{SECRET}", "must be an https address"),
    ],
)
def test_a_wrong_address_is_refused_and_not_shown(url: str | None, problem: str) -> None:
    done = post("slack", VERDICT, url)
    assert done.returncode == 2
    assert done.stderr == f"Misconfigured: the environment variable ZUORA_TESTENV_WEBHOOK {problem}.\n"


def test_a_form_that_it_does_not_know_is_refused() -> None:
    done = post("discord", VERDICT, None)
    assert (done.returncode, done.stderr) == (2, "Misconfigured: webhook.py needs one argument, slack or teams.\n")


@needs_flock
def test_the_cron_line_posts_the_verdict_of_a_sync_that_fails_and_nothing_of_one_that_works(
    tmp_path: Path, chat: Chat, tap_settings: dict[str, Any]
) -> None:
    sync, _ = cron_lines()
    line = sync.replace("/opt/zuora-testenv/sync.sh", str(CHECKOUT / "examples" / "schedules" / "sync.sh"))
    line = line.replace("/var/lib/zuora-testenv", str(tmp_path))
    given = {
        "TAP": command("tap-zuora-testenv")[0],
        "TARGET": program(tmp_path, "target", "exec cat >/dev/null"),
        "ZUORA_TESTENV_WEBHOOK": chat.url,
    }
    (tmp_path / "config.json").write_text(json.dumps(tap_settings))
    assert shell(line, tmp_path, **given).stderr == ""
    assert chat.posted == []
    (tmp_path / "config.json").write_text(json.dumps(tap_settings | {"client_secret": "wrong-secret"}))
    assert shell(line, tmp_path, **given).stderr == ""
    (message,) = chat.posted
    assert message["text"].startswith("Zuora test environments\nMisconfigured: POST /oauth/token at 127.0.0.1:")


@pytest.mark.parametrize("printed", ["notices", "a failure"])
def test_the_cron_line_posts_the_notices_or_why_there_are_none(tmp_path: Path, chat: Chat, printed: str) -> None:
    _, report = cron_lines()
    (tmp_path / "notices.json").write_text(as_json([notice("The refresh failed.")]))
    script = f'cat "{tmp_path}/notices.json"; exit 3' if printed == "notices" else "echo No report. >&2; exit 1"
    line = report.replace(
        "/opt/zuora-testenv/bin/zuora-testenv-report", program(tmp_path, "zuora-testenv-report", script)
    )
    assert shell(line, tmp_path, ZUORA_TESTENV_WEBHOOK=chat.url).stderr == ""
    expected = "alert: Acme UAT: The refresh failed." if printed == "notices" else "No report."
    assert chat.posted[0]["text"] == f"Zuora test environments\n{expected}"


def test_the_unit_posts_the_last_line_of_the_journal(tmp_path: Path, chat: Chat) -> None:
    program(tmp_path, "journalctl", f'echo "$*" >"{tmp_path}/asked"; echo "{VERDICT}"')
    done = shell(exec_start(UNIT.read_text()), tmp_path, ZUORA_TESTENV_WEBHOOK=chat.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert chat.posted[0]["text"] == f"Zuora test environments\n{VERDICT}"
    asked = (tmp_path / "asked").read_text().split()
    assert {"--lines=1", "--output=cat", "_SYSTEMD_UNIT=zuora-testenv.service"} <= set(asked)


def test_the_unit_can_mail_it_instead(tmp_path: Path) -> None:
    (drop_in,) = blocks("docs/schedules.md", "ini")
    program(tmp_path, "journalctl", f'echo "{VERDICT}"')
    program(tmp_path, "mail", f'echo "$#: $2 to $3: $(cat)" >"{tmp_path}/mail"')
    assert shell(exec_start(drop_in), tmp_path).returncode == 0
    assert (tmp_path / "mail").read_text() == (f"3: The sync of zuora-testenv failed to you@example.com: {VERDICT}\n")
