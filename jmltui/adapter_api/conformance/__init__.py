"""The conformance suite: any adapter, ours or a stranger's, is held against a live system it may change.

`run(adapter, world)` gives one result per check. Each check makes what it needs, under logins that begin with
`world.prefix`, and leaves the accounts that it made behind, disabled or deleted where the system offers that.
`run_faults(adapter, injector, world)` needs a connection that the caller can disturb.
"""

from .bench import CheckResult, Result, World
from .checks import CHECKS, run, run_check
from .faults import DISTURBED, Disturbance, FaultInjector, run_fault, run_faults

__all__ = [
    "CHECKS",
    "DISTURBED",
    "CheckResult",
    "Disturbance",
    "FaultInjector",
    "Result",
    "World",
    "run",
    "run_check",
    "run_fault",
    "run_faults",
]
