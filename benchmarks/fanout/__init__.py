"""Fan-out: a line goes in, a copy to every member comes out; the server beside its peers."""
