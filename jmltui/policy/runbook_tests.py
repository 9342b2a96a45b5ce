"""The `runbook_tests` section: read and checked in form; this version runs none."""

from __future__ import annotations

from jmltui.domain.case import CaseKind
from jmltui.errors import Problem

from .fields import Fields
from .known import Known
from .people_words import OWNERS, read_word


def read_runbook_test(item: Fields, known: Known) -> Problem:
    """Check one; the warning that it is not run."""
    item.only(("procedure", "every", "with", "owner"))
    procedure = item.text("procedure", required=True)
    if procedure:
        known.has("procedure", procedure, item.place("procedure"), tuple(CaseKind))
    item.needed_duration("every")
    item.text("with", required=True)
    item.text("owner", required=True)
    read_word(item, "owner", "owner", OWNERS, known)
    message = f"This version of jmltui does not run runbook tests, so “{procedure}” is not rehearsed by itself."
    return Problem(item.where.file, item.where.line, item.where.column, message, "Rehearse it by hand until then.")
