"""GitHub as a system: the members of one organization, its teams, owners and single sign-on credentials."""

from .adapter import GithubAdapter

__all__ = ["GithubAdapter"]
