"""SCIM 2.0 (RFC 7643, RFC 7644; cursor paging RFC 9865) with the suspicions that real servers teach."""

from .adapter import ScimAdapter

__all__ = ["ScimAdapter"]
