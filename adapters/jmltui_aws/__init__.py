"""AWS as a system: the users of an account (IAM), or of an organization's IAM Identity Center."""

from .adapter import AwsAdapter

__all__ = ["AwsAdapter"]
