"""Directories over LDAP: OpenLDAP and its kin, and Active Directory; as a system, and as a source of people."""

from .adapter import LdapAdapter

__all__ = ["LdapAdapter"]
