"""The local runner: one process per database carries out what people asked for."""
