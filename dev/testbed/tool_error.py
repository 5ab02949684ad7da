"""The error with which a tool for developers ends: a sentence for a person."""


class ToolError(Exception):
    """A tool cannot go on; the text says why and what to do, and contains no secret."""
