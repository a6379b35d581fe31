"""Postgres: connections, named SQL, migrations, and repositories over the named queries."""
