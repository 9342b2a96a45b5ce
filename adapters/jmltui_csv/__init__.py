"""A source of people kept as a delimited file: any delimiter, encoding, column names and date formats."""

from .source import CsvSource

__all__ = ["CsvSource"]
