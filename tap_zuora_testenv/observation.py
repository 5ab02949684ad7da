"""Looks at test environments for `zuora-testenv-status`: the requests to Zuora, and what is kept between looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tap_zuora_testenv.findings import OVER, READY, WAITING, Finding, Look
from tap_zuora_testenv.ids import folded, row_id
from tap_zuora_testenv.outcome import RunEnded
from tap_zuora_testenv.plan import environments, named_requests
from tap_zuora_testenv.readiness import is_over, readiness
from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.zuora import ClientOptions, Fatal, Listing, NotFound, ZuoraClient, ZuoraError
from tap_zuora_testenv.zuora.look_ahead import LookAhead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tap_zuora_testenv.values import Row
    from tap_zuora_testenv.zuora.pace import Clock


class Wanted(NamedTuple):
    """Which test environments are looked at; all that Zuora lists if nothing is named.

    Attributes:
        ids: Their ids.
        names: Names (`tenantName`), each of which means all test environments that have it.
    """

    ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def from_options(cls, ids: Sequence[str], names: Sequence[str], config: Mapping[str, Any]) -> Wanted:
        """Take what the command line names, else what the settings name."""
        if ids or names:
            return cls(tuple(ids), tuple(names))
        return cls(tuple(environments(named_requests(config) or [])))


class _Seen(NamedTuple):
    """What was found out about a test environment so far.

    Attributes:
        id: Its id, as Zuora spells it if it has listed it.
        environment: Its row, None if Zuora has not sent one yet.
        jobs: Its jobs.
        refresh: The id of the refresh that was seen running last, as ids are compared.
    """

    id: str
    environment: Row | None = None
    jobs: tuple[Row, ...] = ()
    refresh: str = ""


class Observer:
    """Looks as often as asked: one request for the list of test environments, one per environment for its jobs."""

    def __init__(self, config: Mapping[str, Any], wanted: Wanted, *, user_agent: str, clock: Clock) -> None:
        """Start with nothing sent.

        Args:
            config: The tap's settings.
            wanted: Which test environments to look at.
            user_agent: The `User-Agent`, unless a setting has one.
            clock: The clock that waits are measured by.
        """
        self._options = ClientOptions.from_config(config, user_agent=user_agent)
        self._wanted, self._clock = wanted, clock
        self._client: ZuoraClient | None = None
        # By id, as ids are compared. Decided by the first list: an environment that is created later is not waited for.
        self._seen: dict[str, _Seen] = {}

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def look(self) -> Look:
        """Look once.

        Raises:
            RunEnded: Zuora does not have what is named, or lists nothing.
        """
        if self._client is None:
            self._client = ZuoraClient(self._options, clock=self._clock)
        look = self._look(self._client)
        if any(isinstance(error, Fatal) for error in look.errors):
            # After such an error, a client sends nothing more, so the next look needs a new one.
            self.close()
        return look

    def _look(self, client: ZuoraClient) -> Look:
        ((_, listing),) = self._results(lambda _: client.environments(), [""])
        if isinstance(listing, ZuoraError):
            return Look([], listing)
        rows = {str(row_id(row)): row for row in listing.rows}
        error = None if self._seen else self._find(listing, rows)
        if error is not None:
            return Look([], error)
        lacking = [key for key in self._seen if key not in rows]
        unlisted = dict(self._results(lambda key: client.environment(self._seen[key].id), lacking))
        for key, seen in self._seen.items():
            row = rows.get(key) or unlisted[key]
            if isinstance(row, NotFound) and seen.environment is None:
                what = f"Zuora does not have the test environment {seen.id} ({row.exchange})"
                raise RunEnded.misconfigured(f"{what}.")
            if isinstance(row, dict):
                self._seen[key] = seen._replace(id=str(row["id"]), environment=row)
        found = [key for key in self._seen if not isinstance(unlisted.get(key), ZuoraError)]
        jobs = dict(self._results(lambda key: client.jobs(self._seen[key].id), found))
        return Look([self._finding(key, unlisted.get(key), jobs.get(key)) for key in self._seen])

    def _find(self, listing: Listing, rows: Mapping[str, Row]) -> ZuoraError | None:
        """Decide by a list which test environments are looked at; return why the list does not suffice."""
        ids, names = self._wanted
        if listing.errors and (names or not ids):
            return listing.errors[0]
        wanted = {folded(each): each for each in ids}
        for name in names:
            named = {key: str(row["id"]) for key, row in rows.items() if row.get("tenantName") == name}
            if not named:
                raise RunEnded.misconfigured(f"Zuora has no test environment with the name {REDACTION.show(name)}.")
            wanted |= named
        if not rows and not wanted:
            reason = "Zuora lists no test environment for these credentials; check base_url and entity_id."
            raise RunEnded.misconfigured(reason)
        self._seen = {key: _Seen(identity) for key, identity in (wanted or dict(zip(rows, rows, strict=True))).items()}
        return None

    def _finding(self, key: str, unlisted: Row | ZuoraError | None, listing: Listing | ZuoraError | None) -> Finding:
        """Judge a test environment.

        Args:
            key: Its id, as ids are compared.
            unlisted: The answer to the request for the environment itself, which is sent only if the list lacks it.
            listing: Its jobs, or why there are none; None if they were not requested.
        """
        has_vanished = isinstance(unlisted, NotFound)
        error = next((each for each in (unlisted, listing) if isinstance(each, ZuoraError)), None)
        if isinstance(listing, Listing):
            error = listing.errors[0] if listing.errors else None
            self._seen[key] = self._seen[key]._replace(jobs=tuple(listing.rows))
        seen = self._seen[key]
        environment = seen.environment or {}
        if error is not None and not has_vanished:
            return Finding(seen.id, environment, None, error)
        found = readiness(environment, seen.jobs, has_vanished=has_vanished)
        if found.running is not None and found.running.kind == "REFRESH":
            self._seen[key] = seen._replace(refresh=folded(found.running.id))
        if is_over(found, found.jobs.get(seen.refresh)):
            return Finding(seen.id, environment, found, code=OVER)
        return Finding(seen.id, environment, found, code=READY if found.state == "ready" else WAITING)

    def _results(self, call: Callable[[str], Any], arguments: Iterable[str]) -> Iterator[tuple[str, Any]]:
        """Return the result of each request, or its error. They are sent in threads, so that a signal can interrupt."""
        results = LookAhead(call, [*arguments], width=self._options.max_parallel_requests, fatal=Fatal)
        try:
            for argument, result in results:
                if isinstance(result, Exception) and not isinstance(result, ZuoraError):
                    raise result
                yield argument, result
        finally:
            results.close()
