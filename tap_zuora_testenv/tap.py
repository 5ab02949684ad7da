"""The tap: which streams there are, and what singer-sdk asks of a tap."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast

import click
from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities, TapCapabilities
from singer_sdk.mapper import PluginMapper
from singer_sdk.singerlib import StateMessage
from typing_extensions import override

from tap_zuora_testenv import environment_variables, stream_maps
from tap_zuora_testenv.extraction import Extraction
from tap_zuora_testenv.given_files import JsonFile, catalog_problem, merged, remove_keys, select_fields
from tap_zuora_testenv.outcome import RunEnded
from tap_zuora_testenv.output import MessageWriter
from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.settings import CONFIG_JSONSCHEMA, CREDENTIALS, MUST_BE, SHORTEST_SECRET
from tap_zuora_testenv.state import state_problem, unwrapped
from tap_zuora_testenv.streams import EnvironmentsStream, JobsStream
from tap_zuora_testenv.timestamps import NANOSECONDS_PER_SECOND
from tap_zuora_testenv.validation import problems, stripped
from tap_zuora_testenv.zuora.pace import Clock, SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from singer_sdk.streams import Stream

    from tap_zuora_testenv.streams import ZuoraStream

# singer-sdk counts the start of a run in milliseconds.
_NANOSECONDS_PER_MILLISECOND = NANOSECONDS_PER_SECOND // 1000


EXAMPLE = """\b
Example, with the settings in a file that only you can read:
  config.json:
    {"base_url": "https://rest.na.zuora.com",
     "client_id": "...", "client_secret": "..."}
  tap-zuora-testenv --config config.json --test
  tap-zuora-testenv --config config.json > out.jsonl
"""


_HELP_OF_TEST = (
    "Use --test to request everything that a run would, and report what works and how much a run would emit; "
    "one record per stream is written. Use --test=schema to write the schemas only."
)
_NOTHING_SELECTED = (
    "No stream is selected: the catalog must select test_environment_jobs or test_environments "
    "(in Meltano, see the setting `select` of the extractor)."
)


_DRY_RUNS = {"all", "records"}
"""The values of `--test` that make it read from Zuora."""


@dataclass
class Invocation:
    """One call of the command; click's context object.

    Attributes:
        tap: The tap, once it is set up.
        test: The value of `--test`.
    """

    tap: TapZuoraTestenv | None = None
    test: str = ""


class TapZuoraTestenv(Tap):
    """Extracts the refresh jobs of Zuora test environments, and the environments themselves."""

    name = "tap-zuora-testenv"
    config_jsonschema: ClassVar[dict[str, Any]] = CONFIG_JSONSCHEMA
    # ACTIVATE_VERSION is never sent: it would delete the rows of a second tenant, or good rows after a failed list.
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]
    message_writer_class = MessageWriter
    clock: Clock = SystemClock()
    """The clock that waits are measured by."""

    def __init__(self, *, parse_env_config: bool = False, validate_config: bool = True, **arguments: Any) -> None:  # noqa: ANN401 - whatever singer-sdk accepts
        """Initialize the tap; the arguments are singer-sdk's.

        Raises:
            ConfigValidationError: A setting or the state is refused; its `errors` are sentences without values.
        """
        self._reads_environment = parse_env_config
        # singer-sdk would read a `.env` file as well; `_validate_config` reads the environment.
        super().__init__(validate_config=validate_config, **arguments)
        command = click.get_current_context(silent=True)
        if validate_config and command is not None and isinstance(command.obj, Invocation):
            # The only way for our command to get the tap: singer-sdk's command does not return it.
            command.obj.tap = self
            self._follow(command.obj)
        if validate_config and not any(stream.selected for stream in self.streams.values()):
            raise ConfigValidationError("Nothing selected", errors=[_NOTHING_SELECTED])

    def _follow(self, invocation: Invocation) -> None:
        """Do what only the command needs: keep messages off a terminal during `--test`, and react to SIGHUP."""
        is_dry_run = invocation.test in _DRY_RUNS
        writer = cast("MessageWriter", self.message_writer)
        writer.is_silent = is_dry_run and sys.stdout is not None and sys.stdout.isatty()
        # singer-sdk handles SIGINT and SIGTERM. A SIGHUP that is ignored at the start, as by nohup, stays ignored.
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
            signal.signal(signal.SIGHUP, self._handle_termination)

    @property
    def emitted(self) -> dict[str, int]:
        """How many records were written, by stream, after stream maps and filters."""
        counts = self.message_writer.emitted if isinstance(self.message_writer, MessageWriter) else {}
        return {
            # A catalog may lack a stream, which then has no maps.
            name: sum(counts.get(each.stream_alias, 0) for each in self.mapper.stream_maps.get(name, ()))
            for name in self.streams
        }

    @cached_property
    def extraction(self) -> Extraction:
        """What both streams use."""
        return Extraction(
            self.config,
            user_agent=f"{self.name}/{self.plugin_version}",
            started=self.initialized_at * _NANOSECONDS_PER_MILLISECOND,
            clock=self.clock,
            logger=self.logger,
        )

    def close(self) -> None:
        """End the threads and close the connections of the run."""
        self.extraction.close()

    @override
    def setup_mapper(self) -> None:
        if self.input_catalog is not None:
            remove_keys(self.input_catalog)
            select_fields(self.input_catalog)
            if problem := catalog_problem(self.input_catalog):
                raise ConfigValidationError("Catalog refused", errors=[f"The catalog is refused: {problem}."])
        try:
            super().setup_mapper()
        except ConfigValidationError:
            raise
        except Exception as error:  # noqa: BLE001 - singer-sdk evaluates what a person wrote
            raise ConfigValidationError("Refused", errors=[self._mapper_problem(error)]) from None
        for sentence in stream_maps.unused(self.config.get("stream_maps"), self.streams):
            self.logger.warning("%s", sentence)

    @override
    def discover_streams(self) -> Sequence[ZuoraStream]:
        return [JobsStream(self, self.extraction), EnvironmentsStream(self, self.extraction)]

    @property
    @override
    def streams(self) -> dict[str, Stream]:
        # Not sorted by name, as in singer-sdk: the state of the jobs must come last. A target may forget a state that
        # rows follow (target-jsonl 0.1.4 does), and writing it again would add as much as a tenth to the output.
        streams = super().streams
        return {name: streams[name] for name in (EnvironmentsStream.name, JobsStream.name)}

    @property
    def is_dry_run(self) -> bool:
        """Whether `--test` only counts what a run would emit."""
        return any(stream.ABORT_AT_RECORD_COUNT is not None for stream in self.streams.values())

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        contents = unwrapped(state)
        problem = state_problem(contents, JobsStream.name) or self._unwritable(contents)
        if problem is not None:
            raise ConfigValidationError("State refused", errors=[f"The state is refused: {problem}."])
        super().load_state(contents)

    def _unwritable(self, state: dict[str, Any]) -> str | None:
        """Return why a state cannot be written again, None if it can: a run begins by writing it."""
        try:
            self.message_writer.format_message(StateMessage(value=state))
        except Exception as error:  # noqa: BLE001 - whatever the writer of messages raises
            return f"it contains a value that no message can contain ({type(error).__name__})"
        return None

    # singer-sdk validates settings and handles signals through private members only. For each member, a test fails if
    # singer-sdk no longer calls it.

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        # The stock texts show values, secrets among them.
        schema = self._jsonschema()
        from_environment, found = (
            environment_variables.read(os.environ, schema) if self._reads_environment else ({}, [])
        )
        config = stripped({**self.config, **from_environment})
        secrets = (config.get(name) for name in CREDENTIALS)
        REDACTION.conceal(secret for secret in secrets if isinstance(secret, str) and len(secret) >= SHORTEST_SECRET)
        for sentence in environment_variables.misspelt(os.environ, schema) if self._reads_environment else ():
            self.logger.warning("%s", sentence)
        unread = (
            ()
            if self._reads_environment
            else [name for name in MUST_BE if environment_variables.is_set(name, os.environ)]
        )
        found = found or problems(config, schema, unread)
        if found and raise_errors:
            raise ConfigValidationError("Settings refused", errors=found)
        defaults = {name: each["default"] for name, each in schema["properties"].items() if "default" in each}
        self._config = defaults | config
        return found

    def _mapper_problem(self, error: Exception) -> str:
        """Return whether the catalog or the stream maps are wrong, and how."""
        try:
            PluginMapper(plugin_config={}, logger=self.logger).register_raw_streams_from_catalog(self.catalog)
        except Exception as unreadable:  # noqa: BLE001 - singer-sdk assumes that a catalog has the right form
            kind = type(unreadable).__name__
            return f"The catalog is refused: it is not of the form that --discover prints ({kind})."
        return stream_maps.sentence(error, is_set_up=False)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        # The stock handler writes STATE, possibly within a half-written message, and exits 0.
        if isinstance(self.message_writer, MessageWriter):
            self.message_writer.interrupt(signum)
        else:
            super()._handle_termination(signum, frame)

    # The command line: singer-sdk's and click's errors do not name the file, or repeat what should have been its name.

    @override
    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        given = super().cb_config(ctx, param, tuple(path for path in value if path == "ENV"))
        given.config |= merged("--config", (path for path in value if path != "ENV"))
        return given

    @override
    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        if isinstance(ctx.obj, Invocation):
            ctx.obj.test = value
        if value in _DRY_RUNS and (catalog := ctx.params.get("catalog")):
            # singer-sdk's test selects every stream; a run with this catalog may nevertheless be refused.
            given = ctx.params["config"]
            cls(config=given.config, parse_env_config=given.parse_env, catalog=json.load(catalog))
        super().cb_test(ctx, param, value)

    @override
    @classmethod
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        command.help = cls.__doc__
        command.epilog = EXAMPLE
        for parameter in command.params:
            if parameter.name in {"state", "catalog"}:
                parameter.type = JsonFile()
                # Read before `--test` is handled.
                parameter.is_eager = True
            if parameter.name == "test" and isinstance(parameter, click.Option):
                parameter.help = _HELP_OF_TEST
        return command

    @override
    @classmethod
    def invoke(cls, **arguments: Any) -> None:
        try:
            super().invoke(**arguments)
        except ConfigValidationError as refused:
            # Not left to singer-sdk's command, which would write its own line after the one that says what to do.
            raise refusal(refused) from None

    @classmethod
    def _jsonschema(cls) -> dict[str, Any]:
        cls.append_builtin_config(cls.config_jsonschema)
        return cls.config_jsonschema


def refusal(refused: ConfigValidationError) -> RunEnded:
    """Log all sentences but the first, and return the end of the run with the first one as its last line."""
    first, *others = refused.errors
    for sentence in others:
        TapZuoraTestenv.logger.error("%s", sentence)
    return RunEnded.misconfigured(f"{first} ({len(others)} more above.)" if others else first)
