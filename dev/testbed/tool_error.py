"""The error with which the tools for developers end: a sentence for a person."""


class ToolError(Exception):
    """A tool cannot go on; the text says why and what to do, and holds no secret."""
