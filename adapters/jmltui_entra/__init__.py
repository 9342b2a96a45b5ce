"""Microsoft Entra ID as a system, through Microsoft Graph: users, groups, roles, licences, devices and more."""

from .adapter import EntraAdapter

__all__ = ["EntraAdapter"]
