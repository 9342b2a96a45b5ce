"""What things are and what follows from them: pure, standard library only, no I/O, no clock, no randomness."""
