"""The one way for the demo to fail: a sentence for a person."""


class DemoError(Exception):
    """The demo cannot go on; its text says why and what to do, and holds no secret."""
