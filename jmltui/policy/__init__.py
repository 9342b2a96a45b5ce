"""The policy folder: read strictly, then pure.

`load(folder)` gives the `Policy` that answers for every person.
"""

from .explain import Answer, Explanation
from .model import PolicyAttribute, PolicyEntitlement, PolicyRole
from .policy import Policy, implied_account, load

__all__ = [
    "Answer",
    "Explanation",
    "Policy",
    "PolicyAttribute",
    "PolicyEntitlement",
    "PolicyRole",
    "implied_account",
    "load",
]
