"""The bare pool: threads with `requests` sessions that fetch the same jobs and print them as JSON; no framework."""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests


def main() -> None:
    """Fetch the jobs that a configuration of the tap names, or those of all test environments."""
    config = json.loads(Path(sys.argv[1]).read_text())
    base_url, timeout = config["base_url"], 120
    form = {name: config[name] for name in ("client_id", "client_secret")} | {"grant_type": "client_credentials"}
    token = requests.post(f"{base_url}/oauth/token", data=form, timeout=timeout).json()["access_token"]
    local = threading.local()

    def fetch(url: str) -> Any:  # noqa: ANN401 - any JSON value
        if not hasattr(local, "session"):
            local.session = requests.Session()
            local.session.headers["Authorization"] = f"Bearer {token}"
        response = local.session.get(url, timeout=timeout)
        response.raise_for_status()
        return response.json()

    if "test_environments" in config:
        urls = [
            f"{base_url}/test-environments/{environment['id']}/jobs/{job}"
            for environment in config["test_environments"]
            for job in environment["job_ids"]
        ]
    else:
        listed = fetch(f"{base_url}/test-environments")["result"]
        urls = [f"{base_url}/test-environments/{environment['id']}/jobs" for environment in listed]
    with ThreadPoolExecutor(config["max_parallel_requests"]) as pool:
        for job in pool.map(fetch, urls):
            print(json.dumps(job))


if __name__ == "__main__":
    main()
