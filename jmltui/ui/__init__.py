"""The screens: what is shown, and which key does what. Deciding and doing happen elsewhere."""
