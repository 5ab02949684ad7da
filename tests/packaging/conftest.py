from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKOUT = Path(__file__).resolve().parents[2]
OWN = ("tap_zuora_testenv", "_editable_impl_tap_zuora_testenv")


def run(*line: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """Run a command that must succeed, without what this shell has set for other Pythons, and return its output."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "UV_", "PIP_", "TAP_"))}
    done = subprocess.run(  # noqa: S603 - Python, uv and what they installed
        line, cwd=cwd, env=kept | environment, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def run_command() -> Callable[..., str]:
    return run


@dataclass(frozen=True)
class Distributions:
    wheel: Path
    sdist: Path
    wheel_from_sdist: Path
    sdist_from_sdist: Path


def build(kind: str, source: Path, folder: Path) -> Path:
    """Build a distribution with the packages that are installed here, without network."""
    run(sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", folder, source)
    (made,) = (path for path in folder.iterdir() if path.suffix != ".gitignore")
    return made


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    folder = tmp_path_factory.mktemp("distributions")
    sdist = build("sdist", CHECKOUT, folder / "sdist")
    with tarfile.open(sdist) as archive:
        # Python 3.11.2, which Debian 12 has, does not support filters; Python 3.12 warns without one.
        safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(folder / "source", **safely)  # noqa: S202 - made a moment ago, here
    (source,) = (folder / "source").iterdir()
    return Distributions(
        wheel=build("wheel", CHECKOUT, folder / "wheel"),
        sdist=sdist,
        wheel_from_sdist=build("wheel", source, folder / "wheel again"),
        sdist_from_sdist=build("sdist", source, folder / "sdist again"),
    )


@pytest.fixture
def new_environment(tmp_path: Path) -> Callable[[], Path]:
    """Make environments that have the dependencies of this one, but neither the tap nor a way to this checkout."""

    def make() -> Path:
        dependencies, environment = tmp_path / "dependencies", tmp_path / "environment"
        dependencies.mkdir()
        for entry in Path(sysconfig.get_path("purelib")).iterdir():
            if not entry.name.startswith(OWN) and entry.suffix != ".pth":
                (dependencies / entry.name).symlink_to(entry)
        run(sys.executable, "-m", "venv", "--without-pip", environment)
        purelib = sysconfig.get_path("purelib", vars={"base": str(environment)})
        Path(purelib, "dependencies.pth").write_text(f"{dependencies}\n")
        return environment

    return make


@pytest.fixture
def install(new_environment: Callable[[], Path]) -> Callable[..., Path]:
    """Install into a new environment, and return its folder of commands."""

    def into(*what: str | Path) -> Path:
        environment = new_environment()
        commands = Path(sysconfig.get_path("scripts"))
        options = ["--quiet", "--no-deps", "--no-build-isolation", "--offline", "--no-config", "--no-cache"]
        run(commands / "uv", "pip", "install", "--python", environment, *options, *what)
        return Path(sysconfig.get_path("scripts", vars={"base": str(environment)}))

    return into
