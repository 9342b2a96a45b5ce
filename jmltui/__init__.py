"""Joiners, movers and leavers: plan, approve, apply, prove."""

__version__ = "0.1.0"
