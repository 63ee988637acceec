"""Runs of the suite against its specimens: every fault is found, no correct program is accused."""
