"""The probe: it finds out a server's dialect by talking to it."""
