"""The watching proxy: it stands between real clients and a real server, and records both sides."""
