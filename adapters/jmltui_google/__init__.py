"""Google Workspace as a system, through the Admin SDK: users, groups, licences, roles, devices, transfers."""

from .adapter import GoogleAdapter

__all__ = ["GoogleAdapter"]
