"""Okta as a system: the users of one organization, their groups and factors."""

from .adapter import OktaAdapter

__all__ = ["OktaAdapter"]
