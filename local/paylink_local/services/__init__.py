"""The services of the embedded stack: PostgreSQL, Valkey and LocalStack from PyPI, and PayLink's own processes."""
