"""The cache: mirrors of sources and systems, and the records of our own work, in SQLModel tables.

Rows stay in this room; what leaves it are domain values, view dataclasses and pages of tuples.
"""
