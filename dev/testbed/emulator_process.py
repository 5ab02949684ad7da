"""The emulator as a separate process: the command `zuora-testenv-emulator`, and the requests of its user."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import requests

from dev.testbed.processes import command, running
from dev.testbed.tool_error import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta
    from pathlib import Path

ANSWER_TAKES_AT_MOST_SECONDS = 10

Row = dict[str, Any]


@dataclass(frozen=True)
class EmulatedZuora:
    """Zuora's ordinary operations, and the emulator's clock.

    Attributes:
        url: The base URL.
        client_id: The OAuth client's id.
        client_secret: Its secret.
        session: The session that sends the requests.
    """

    url: str
    client_id: str
    client_secret: str
    session: requests.Session

    @property
    def tap_settings(self) -> dict[str, object]:
        """The settings with which the tap loads everything that the client can see."""
        return {"base_url": self.url, "client_id": self.client_id, "client_secret": self.client_secret}

    def log_in(self) -> None:
        """Get a token for all further requests."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        token = self._ask("POST", "/oauth/token", data=form)["access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"

    def documents(self) -> dict[str, list[Row]]:
        """Read everything that is there, by the names of the tap's streams."""
        environments = self._ask("GET", "/test-environments")["result"]
        jobs = [
            job
            for environment in environments
            for job in self._ask("GET", f"/test-environments/{environment['id']}/jobs")["result"]
        ]
        return {"test_environments": environments, "test_environment_jobs": jobs}

    def refresh(self, environment_id: str) -> None:
        """Request a refresh, as its owner does in Zuora; the tap never does."""
        self._ask("POST", f"/test-environments/{environment_id}/jobs", json={"jobType": "REFRESH"})

    def now(self) -> datetime:
        """Return the time of the emulator."""
        return datetime.fromisoformat(self._ask("GET", "/emulator/clock")["now"])

    def advance(self, time: timedelta) -> None:
        """Let time pass."""
        self._ask("PUT", "/emulator/clock", json={"advance_seconds": time.total_seconds()})

    def go_down(self) -> None:
        """Answer everything with an error, as a tenant under maintenance does."""
        self._ask("POST", "/emulator/faults", json={"path": "*", "status": 503, "json": {"message": "Maintenance."}})

    def come_back(self) -> None:
        """Answer again."""
        self._ask("DELETE", "/emulator/faults")

    def requests(self) -> int:
        """Return how many requests were answered."""
        total: int = self._ask("GET", "/emulator/requests")["total"]
        return total

    def most_in_flight(self) -> int:
        """Return how many requests of the tap were in flight at the same time, at most; others do not count."""
        by_user_agent: dict[str, int] = self._ask("GET", "/emulator/requests")["max_in_flight_by_user_agent"]
        return max((most for agent, most in by_user_agent.items() if agent.startswith("tap-zuora-testenv/")), default=0)

    def _ask(self, method: str, path: str, **arguments: Any) -> Row:  # noqa: ANN401 - they are those of requests
        answer = self.session.request(method, self.url + path, timeout=ANSWER_TAKES_AT_MOST_SECONDS, **arguments)
        if not answer.ok:
            raise ToolError(f"The emulator answered {method} {path} with {answer.status_code}: {answer.text[:200]}")
        document: Row = answer.json()
        return document


@contextmanager
def emulator(now: datetime, seed: int, folder: Path, *more: str) -> Iterator[EmulatedZuora]:
    """Run an emulator while the context lasts, on any free port, with a clock that moves only when it is moved.

    Args:
        now: The time of its clock, with a zone.
        seed: The seed of its history.
        folder: A private folder.
        more: More options of the command.

    Raises:
        ToolError: The emulator does not start.
    """
    ready, log = folder / "emulator.json", folder / "emulator.log"
    options = ["--port=0", f"--ready-file={ready}", f"--seed={seed}", f"--now={now.isoformat()}", "--speed=0", *more]
    with (
        log.open("wb") as errors,
        requests.Session() as session,
        running([*command("zuora-testenv-emulator"), *options], stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        # A proxy of this machine is for other hosts.
        session.trust_env = False
        # It prints a line when it listens; and when it ends, so does its output.
        if process.stdout is None or not process.stdout.readline():
            raise ToolError(f"The emulator did not start. Its log:\n{log.read_text(errors='replace')}")
        zuora = EmulatedZuora(**json.loads(ready.read_text()), session=session)
        zuora.log_in()
        yield zuora
