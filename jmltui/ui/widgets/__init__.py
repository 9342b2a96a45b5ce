"""Widgets that write few bytes: windowed lists, panes of lines, one-line bars."""
