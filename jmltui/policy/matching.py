"""Roles compiled for speed: which roles match a person, by one dictionary look-up per attribute.

For each attribute, each value maps to a bit mask of the roles that it leaves possible; the masks of all
attributes are and-ed. Three-valued: a missing value makes the roles that ask for it unknown, unless another
matcher rules them out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .model import PolicyRole


class CompiledRoles:
    """All roles of a policy."""

    def __init__(self, roles: Sequence[PolicyRole]) -> None:
        self.roles = tuple(roles)
        self.attributes = tuple(dict.fromkeys(m.attribute for role in roles for m in role.match))
        everything = (1 << len(self.roles)) - 1
        self._everything = everything
        self._asking = [self._mask_asking(name) for name in self.attributes]
        asked = zip(self.attributes, self._asking, strict=True)
        self._by_value = [self._masks(name, everything & ~asking) for name, asking in asked]

    def match(self, values: Sequence[str | None]) -> tuple[int, int]:
        """Bit masks of the roles that match, and of those about which nobody can tell."""
        possible, unknown = self._everything, 0
        for value, asking, by_value in zip(values, self._asking, self._by_value, strict=True):
            if value is None:
                unknown |= asking
            else:
                possible &= by_value.get(value, self._everything & ~asking)
        return possible & ~unknown, possible & unknown

    def of(self, mask: int) -> Iterator[PolicyRole]:
        """The roles of a mask in the policy's order."""
        while mask:
            lowest = mask & -mask
            yield self.roles[lowest.bit_length() - 1]
            mask ^= lowest

    def _mask_asking(self, attribute: str) -> int:
        mask = 0
        for index, role in enumerate(self.roles):
            if any(matcher.attribute == attribute for matcher in role.match):
                mask |= 1 << index
        return mask

    def _masks(self, attribute: str, indifferent: int) -> Mapping[str, int]:
        masks: dict[str, int] = {}
        for index, role in enumerate(self.roles):
            for matcher in role.match:
                if matcher.attribute == attribute:
                    for value in matcher.values:
                        masks[value] = masks.get(value, indifferent) | (1 << index)
        return masks
