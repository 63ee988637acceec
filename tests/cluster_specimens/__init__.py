"""Broken clusters, for the suite to catch: nodes as processes over a simulated engine, in a process
of its own. A correct one over the same engine must pass."""
