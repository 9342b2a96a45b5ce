"""What the systems can do, also while the adapter of one is broken."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlmodel import Session

from jmltui.adapter_api import Cap, Capabilities, Proof, Support
from jmltui.cache.tables import SystemRow
from jmltui.domain.operation import INVERSE

from .workshop import Workshop


def offered(workshop: Workshop, session: Session, name: str) -> Capabilities:
    """What a system can do; while its adapter is broken, what it could when it was read last.

    A broken adapter is told as the problem of its system by every reading; the plans of the others go on.
    """
    try:
        found: object = workshop.adapters.built(name).capabilities()
    except Exception:  # a stranger's adapter may raise anything
        found = None
    if isinstance(found, Mapping) and all(isinstance(support, Support) for support in found.values()):
        return found
    row = session.get(SystemRow, name)
    proofs: Mapping[str, str] = json.loads(row.capabilities) if row is not None else {}
    caps = {Cap(cap): Proof(proof) for cap, proof in proofs.items()}
    return {cap: Support(proof, reversible=cap in INVERSE) for cap, proof in caps.items()}
