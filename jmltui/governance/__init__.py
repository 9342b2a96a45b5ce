"""Governance: findings in what everybody holds, access reviews, and exceptions from both."""
