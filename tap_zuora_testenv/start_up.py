"""What comes before a run: the log as the environment configures it, and the sentences for a wrong command line."""

from __future__ import annotations

import logging
import os
import re

import click

from tap_zuora_testenv.environment_variables import LOG_LEVELS
from tap_zuora_testenv.outcome import RunEnded
from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.tap import TapZuoraTestenv

_LOG_CONFIG = "SINGER_SDK_LOG_CONFIG"
_OPTION = re.compile(r"--?[a-z][a-z-]{0,40}")


def set_up() -> click.Command:
    """Configure the log, and return the command.

    Raises:
        RunEnded: The log cannot be configured.
    """
    # singer-sdk reads these itself, and fails with a traceback.
    level = os.environ.get(LOG_LEVELS[0]) or os.environ.get(LOG_LEVELS[1])
    is_known = level is None or level.upper() in logging.getLevelNamesMapping()
    if not is_known:
        os.environ[LOG_LEVELS[0]] = "INFO"
    if not os.environ.get(_LOG_CONFIG):
        os.environ.pop(_LOG_CONFIG, None)
    try:
        command = TapZuoraTestenv.cli
    except Exception as error:  # noqa: BLE001 - a log configuration may name any class, which may raise anything
        raise RunEnded.misconfigured(_refused_log(error)) from None
    if level and not is_known:
        TapZuoraTestenv.logger.warning(
            "There is no log level %s, so the level is INFO; LOGLEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL",
            REDACTION.quote(level),
        )
    return command


def _refused_log(error: Exception) -> str:
    """Describe why the log configuration cannot be used; its content is not shown."""
    mark = getattr(error, "problem_mark", None)
    match error:
        case OSError():
            reason = f"cannot be read ({error.strerror})"
        case UnicodeDecodeError():
            reason = "is not text in UTF-8"
        case _ if mark is not None:
            reason = f"is not YAML (line {mark.line + 1}, column {mark.column + 1})"
        case ValueError() | KeyError():
            reason = f"is not a logging configuration: {REDACTION.quote(str(error))}"
        case _:
            reason = f"is not a logging configuration ({type(error).__name__})"
    return f"The file that the environment variable {_LOG_CONFIG} names {reason}."


def refused_arguments(error: click.ClickException) -> str:
    """Describe what is wrong with the command line, without repeating an argument, which may contain a secret."""
    match error:
        case click.NoSuchOption() if _OPTION.fullmatch(error.option_name):
            meant = error.possibilities or ["--help"]
            return f"There is no option {error.option_name}; did you mean {' or '.join(sorted(meant))}?"
        case click.NoSuchOption():
            return "There is no such option; --help lists all."
        case click.BadOptionUsage():
            return error.format_message()
        case click.BadParameter(param=click.Parameter() as param):
            choices = getattr(param.type, "choices", ())
            must_be = f" must be {' or '.join(choices)}" if choices else " has a wrong value"
            return f"{param.opts[0]}{must_be}."
        case _:
            return "An argument is not an option; --help lists the options, and a file of settings needs --config."
