"""Practice systems: an embedded company to learn and to test on, with faults on request. No network, no server."""

from .adapter import PracticeAdapter
from .faults import Fault, FaultKind, clear_faults, faults, set_fault

__all__ = ["Fault", "FaultKind", "PracticeAdapter", "clear_faults", "faults", "set_fault"]
