"""Google Workspace as a system, through the Admin SDK: users, groups, licences, tokens and application passwords."""

from .adapter import GoogleAdapter

__all__ = ["GoogleAdapter"]
