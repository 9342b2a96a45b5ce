"""The dashboard: it shows and asks; it executes nothing."""
