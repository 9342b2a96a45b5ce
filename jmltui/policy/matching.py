"""Roles compiled for speed: which roles match a person, by one dictionary look-up per attribute.

For each attribute, each value maps to a bit mask of the roles that it leaves possible; the masks of all
attributes are and-ed. Three-valued: a missing value makes the roles that ask for it unknown, unless another
matcher rules them out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .expression import necessary
from .facts import bare
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
        self.needed, self._ruled_out = self._necessities()

    def match(self, values: Sequence[str | None], needed: Sequence[str | None]) -> tuple[int, int]:
        """Bit masks of the roles that match, and of those about which nobody can tell.

        `needed` are the values of the attributes of that name; a role whose condition they rule out is in neither mask.
        """
        possible, unknown = self._everything, 0
        for value, (others, by_value) in zip(needed, self._ruled_out, strict=True):
            if value is not None:
                possible &= by_value.get(value, others)
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

    def _necessities(self) -> tuple[tuple[str, ...], list[tuple[int, Mapping[str, int]]]]:
        """Which values of which attributes a condition cannot do without: most roles are ruled out before it is asked.

        An empty value rules nothing out.
        """
        asking: dict[str, int] = {}
        by_value: dict[str, dict[str, int]] = {}
        for index, role in enumerate(self.roles):
            for name, values in necessary(role.when.expression).items() if role.when is not None else ():
                asking[bare(name)] = asking.get(bare(name), 0) | (1 << index)
                masks = by_value.setdefault(bare(name), {})
                for value in values:
                    masks[value] = masks.get(value, 0) | (1 << index)
        found: list[tuple[int, Mapping[str, int]]] = []
        for name, asked in asking.items():
            others = self._everything & ~asked
            found.append((others, {value: others | mask for value, mask in by_value[name].items()}))
        return tuple(asking), found
