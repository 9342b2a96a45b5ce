"""The use cases, in the order the data walks: sync, open, request, approve, execute, verify."""
