"""A part of a PostgreSQL database for one throw-away hub: a schema of its own, made new each time."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from hub.errors import StoreError


def fresh_schema(url: str, name: str) -> str:
    """Make the schema ``name`` anew, empty, in the database at ``url``; returns the URL by which a store lives in it.

    What an earlier call left there is dropped. Anything outside that schema stays as it is.
    """
    try:
        parsed = make_url(url)
        engine = sa.create_engine(parsed)
    except (ArgumentError, SQLAlchemyError):
        raise StoreError(
            "the database address cannot be read", code="STO-URL", fix="Write postgresql+psycopg://user@host/name."
        ) from None
    try:
        with engine.begin() as connection:
            connection.execute(sa.schema.DropSchema(name, cascade=True, if_exists=True))
            connection.execute(sa.schema.CreateSchema(name))
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", error)).strip().splitlines()[0]
        raise StoreError(
            f"the database does not answer: {said}", fix="Check --database-url and that it is up."
        ) from None
    finally:
        engine.dispose()
    return parsed.update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(hide_password=False)
