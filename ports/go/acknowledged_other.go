//go:build !linux

package main

// unacknowledged cannot see acknowledgements here.
func unacknowledged(stream) (waiting int, seen bool) { return 0, false }
