package main

import (
	"syscall"
	"unsafe"
)

// unacknowledged says how many octets sent the peer's system has not acknowledged, and whether
// that can be seen.
func unacknowledged(conn stream) (waiting int, seen bool) {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return 0, false
	}
	var octets int32
	var failed syscall.Errno
	err = raw.Control(func(fd uintptr) {
		_, _, failed = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ,
			uintptr(unsafe.Pointer(&octets)))
	})
	return int(octets), err == nil && failed == 0
}
