"""The state of a load, as Meltano keeps it in its database."""

from __future__ import annotations

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool


class StateUnreachable(Exception):
    """Meltano's database did not answer; the text is the driver's."""


def read_state(url: str, state_id: str) -> str | None:
    """Return a state as the text that Meltano wrote, or None if there is no such state.

    Args:
        url: Meltano's database.
        state_id: The state's id.

    Raises:
        StateUnreachable: If the database does not answer, or not with this.
    """
    try:
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect() as connection:
            # Meltano makes its tables when it runs first.
            if not inspect(connection).has_table("state"):
                return None
            query = text("select completed_state from state where state_id = :state_id")
            state: str | None = connection.execute(query, {"state_id": state_id}).scalar()
    except (ImportError, SQLAlchemyError) as error:
        raise StateUnreachable(" ".join(str(getattr(error, "orig", None) or error).split())) from None
    return state
