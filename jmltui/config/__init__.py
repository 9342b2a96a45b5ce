"""Where things are, who calls, and what the settings file says. Strict; every error names its place."""
