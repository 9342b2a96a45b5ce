"""Trials on real input, run as a user would run them: settings and policy from outside, commands, a real server."""
