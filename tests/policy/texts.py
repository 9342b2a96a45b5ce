"""What tests of policies share."""

from __future__ import annotations

from datetime import UTC, datetime

AT = datetime(2026, 6, 1, 10, tzinfo=UTC)
"""A Monday morning."""
