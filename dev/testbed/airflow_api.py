"""Airflow's REST API, as far as the demo asks it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import requests

from dev.testbed.tool_error import ToolError

if TYPE_CHECKING:
    from dev.testbed.emulator_process import Row

ENDED = ("success", "failed")
ANSWER_TAKES_AT_MOST_SECONDS = 30


@dataclass(frozen=True)
class Run:
    """A run of a DAG.

    Attributes:
        dag: The DAG's id.
        id: Its own id.
        after: When it was due.
    """

    dag: str
    id: str
    after: datetime


class Api:
    """What can be asked of an API server.

    Args:
        url: Where it listens.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        # A proxy of this machine is for other hosts.
        self._session.trust_env = False

    def log_in(self) -> bool | None:
        """Get a token for all that follows; None while there is none."""
        try:
            answer = self._session.get(f"{self._url}/auth/token", timeout=ANSWER_TAKES_AT_MOST_SECONDS)
            token = answer.json()["access_token"]
        except (requests.RequestException, KeyError):
            return None
        self._session.headers["Authorization"] = f"Bearer {token}"
        return True

    def runs(self) -> list[Run]:
        """Return the runs of all DAGs, the oldest first."""
        rows = self._ask("dags/~/dagRuns", params={"order_by": "run_after"})["dag_runs"]
        return [Run(row["dag_id"], row["dag_run_id"], datetime.fromisoformat(row["run_after"])) for row in rows]

    def state(self, run: Run) -> str | None:
        """Return how a run ended; None while it goes on."""
        state: str = self._ask(f"dags/{run.dag}/dagRuns/{run.id}")["state"]
        return state if state in ENDED else None

    def tasks(self, run: Run) -> dict[str, Row]:
        """Return the tasks of a run, by their ids."""
        rows = self._ask(f"dags/{run.dag}/dagRuns/{run.id}/taskInstances")["task_instances"]
        return {row["task_id"]: row for row in rows}

    def error(self, run: Run, task: str, attempt: int) -> str:
        """Read from the log of an attempt at a task the message that it failed with; empty while it did not."""
        log = self._ask(
            f"dags/{run.dag}/dagRuns/{run.id}/taskInstances/{task}/logs/{attempt}",
            headers={"Accept": "application/json"},
        )
        errors = [error for entry in log["content"] for error in entry.get("error_detail") or ()]
        return str(errors[-1]["exc_value"]) if errors else ""

    def published(self) -> list[tuple[str, int]]:
        """Return the assets that were published, once for each time, with the number of their jobs."""
        events = self._ask("assets/events", params={"limit": 100})["asset_events"]
        return sorted((event["name"], event["extra"]["test_environment_jobs"]) for event in events)

    def is_idle(self) -> bool | None:
        """Return True if no task runs or is queued, else None."""
        rows = self._ask("dags/~/dagRuns/~/taskInstances", params={"state": ["queued", "running"]})
        return not rows["task_instances"] or None

    def pause(self, *, is_paused: bool = True) -> None:
        """Let no further task of any DAG start, or let them start again."""
        # It answers with a page of the DAGs, and changes all.
        self._ask("dags", "PATCH", params={"dag_id_pattern": "%"}, json={"is_paused": is_paused})

    def parse_again(self, dag: str) -> None:
        """Let the DAG processor read the file of a DAG now."""
        token = self._ask(f"dags/{dag}/details")["file_token"]
        self._ask(f"parseDagFile/{token}", "PUT")

    def ask_ui(self, path: str) -> object:
        """Return what the pages of Airflow's web interface get for a path."""
        return self._ask(path, root="ui")

    def _ask(
        self,
        path: str,
        method: str = "GET",
        root: str = "api/v2",
        **arguments: Any,  # noqa: ANN401 - they are those of requests
    ) -> Row:
        try:
            answer = self._session.request(
                method, f"{self._url}/{root}/{path}", timeout=ANSWER_TAKES_AT_MOST_SECONDS, **arguments
            )
        except requests.RequestException as error:
            raise ToolError(f"Airflow's API server did not answer {method} {path}: {error}") from None
        if not answer.ok:
            raise ToolError(f"Airflow answered {method} {path} with {answer.status_code}: {answer.text[:200]}")
        document: Row = answer.json()
        return document
