"""PostgreSQL as a system of its own: roles, memberships, sessions and what they own."""

from .adapter import PostgresAdapter

__all__ = ["PostgresAdapter"]
