"""A Meltano project in a separate folder, with this checkout's meltano.yml, and the commands that are run there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dev.testbed.processes import environment, running
from dev.testbed.tap_to_target import LINES_OF_A_LOG, Run, private
from dev.testbed.tool_error import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKOUT = Path(__file__).resolve().parents[2]
# What `pip_url: -e .` of the extractor needs, besides the project's own file.
PARTS = ("dbt", "meltano.yml", "pyproject.toml", "README.md", "LICENSE", "schemas", "tap_zuora_testenv")

EXTRACTOR = "tap-zuora-testenv"
JOB = "zuora-testenv-to-warehouse"
SCHEDULE = "zuora-testenv-hourly"
# The commands that install missing plugins.
INSTALLING = ("config", "run", "schedule")
STATE_ID = "dev:tap-zuora-testenv-to-target-postgres"
# The environment in which make installs the command of each plugin.
INSTALLED_BY_MAKE = {
    "extractors/tap-zuora-testenv": ".",
    "loaders/target-postgres": ".",
    "loaders/target-jsonl": "target-jsonl",
    "utilities/dbt-postgres": "dbt",
}
# The commands whose names differ from those of their plugins.
COMMANDS = {"utilities/dbt-postgres": "dbt"}


class MeltanoProject:
    """A project, and Meltano's command in it.

    Args:
        folder: The folder of the project, which is created.
        settings: The names and values of the environment variables in `.env`.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        self._folder = folder
        self._is_installed_by_make = False
        self._command = Path(sys.prefix, "meltano", "bin", "meltano")
        if not self._command.exists():
            raise ToolError("Meltano is not installed for this Python: run make meltano, which installs it.")
        folder.mkdir()
        for part in PARTS:
            if (CHECKOUT / part).is_dir():
                shutil.copytree(CHECKOUT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(CHECKOUT / part, folder)
        template = (CHECKOUT / ".env.example").read_text(encoding="utf-8")
        private(folder / ".env", _filled(template, settings))

    def install(self) -> None:
        """Install the plugins as meltano.yml names them, which needs the network."""
        self("install")

    def use_what_make_installed(self) -> None:
        """Use the plugins of this environment and those inside it, without network.

        Only their commands are linked, since Meltano may rebuild an environment that it treats as its own.
        """
        for plugin, place in INSTALLED_BY_MAKE.items():
            commands = self._folder / ".meltano" / plugin / "venv" / "bin"
            commands.mkdir(parents=True)
            name = COMMANDS.get(plugin, plugin.rpartition("/")[2])
            (commands / name).symlink_to(Path(sys.prefix, place, "bin", name).resolve())
        self._is_installed_by_make = True

    def run(self, *arguments: str) -> Run:
        """Run a command that runs tap and target, and return the result.

        Raises:
            ToolError: It fails; with the end of its log.
        """
        started = time.monotonic()
        _, log = self(*arguments)
        seconds = time.monotonic() - started
        verdict = [entry["event"] for entry in log if entry.get("name") == EXTRACTOR][-1]
        return Run(seconds, self.state(), verdict)

    def state(self) -> str:
        """Return the state that Meltano keeps."""
        output, _ = self("state", "get", STATE_ID)
        return output.strip()

    def __call__(self, *arguments: str) -> tuple[str, list[dict[str, Any]]]:
        """Run a command.

        Returns:
            Its output, and the entries of its log.

        Raises:
            ToolError: It fails; with the end of its log.
        """
        line: list[str | Path] = [self._command, "--environment=dev", "--log-format=json", *arguments]
        if self._is_installed_by_make and arguments[0] in INSTALLING:
            # Meltano 4.4.1 ignores its own setting for that, auto_install.
            line.append("--no-install")
        log = self._folder / "meltano.log"
        with (
            log.open("wb") as errors,
            running(
                line,
                cwd=self._folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            ) as process,
        ):
            if process.stdout is None:
                raise AssertionError
            output = process.stdout.read().decode()
            code = process.wait()
        lines = log.read_text(errors="replace").splitlines()
        if code != 0:
            shown = "\n".join(map(_shown, lines[-LINES_OF_A_LOG:]))
            raise ToolError(f"meltano {' '.join(arguments)} ended with {code}. The end of its log:\n{shown}")
        return output, [entry for entry in map(_entry, lines) if entry]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in environment().items() if not name.startswith("MELTANO_")}
    # meltano.yml sets the time zone of the target's session.
    del kept["PGTZ"]
    return kept | {"MELTANO_CLI_DISABLE_VERSION_CHECK": "true", "NO_COLOR": "1"}


def _filled(template: str, settings: Mapping[str, object]) -> str:
    """Fill in `.env.example`: settings go into their lines or to the end, and a line without a value is left out."""
    lines = []
    left = dict(settings)
    for line in template.splitlines():
        name = line.lstrip("#").partition("=")[0]
        if name in left:
            lines.append(_line(name, left.pop(name)))
        elif line.startswith("#") or not line:
            lines.append(line)
    return "\n".join([*lines, *(_line(name, value) for name, value in left.items()), ""])


def _line(name: str, value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    # Even in single quotes, ${...} is replaced; in a URL it can be written otherwise.
    return f"{name}='{text.replace('$', '%24') if name.endswith('_URL') else text}'"


def _entry(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def _shown(line: str) -> str:
    entry = _entry(line)
    return str(entry.get("event", line)) if entry else line
