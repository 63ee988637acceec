//go:build !386 && !s390x

package main

import (
	"syscall"
	"time"
	"unsafe"
)

// unacknowledged says how many octets sent the peer's system has not acknowledged, for how long it
// has acknowledged nothing, and whether that can be seen.
func unacknowledged(conn stream) (waiting int, silent time.Duration, seen bool) {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return 0, 0, false
	}
	var octets int32
	var info [15]uint32 // struct tcp_info, up to tcpi_last_ack_recv, in ms
	size, failed := uint32(unsafe.Sizeof(info)), syscall.Errno(0)
	err = raw.Control(func(fd uintptr) {
		_, _, failed = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ,
			uintptr(unsafe.Pointer(&octets)))
		syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	})
	silent = time.Duration(info[14]) * time.Millisecond
	return int(octets), silent, err == nil && failed == 0
}
