"""Microsoft Entra ID as a system, through Microsoft Graph: users, groups, roles, licences, sign-in methods."""

from .adapter import EntraAdapter

__all__ = ["EntraAdapter"]
