package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	leaverPatience = 60 * time.Second // with any leaver (QUIT-3)
	lingerAcked    = time.Second      // from the last acknowledgement
	lingerBlind    = 10 * time.Second // from the shutting, where acknowledgements cannot be seen
	lingerLook     = 20 * time.Millisecond
	dead           = 240 * time.Second // without an answer; it may be asked every 120 s only
)

// A stream is a connection that can be half-closed: TCP or Unix-domain.
type stream interface {
	net.Conn
	CloseWrite() error
}

// A member is a connection from when it is taken from the system until it is closed. One goroutine
// reads it, another writes to it and closes it.
type member struct {
	conn   stream
	sender string
	over   chan struct{} // closed when nothing more can be read

	// Guarded by the room's lock.
	taken    *entry // the last entry taken to be sent
	sent     *entry // the last entry handed to the system
	seated   bool   // counts for capacity
	held     bool   // is not read because of what waits for it
	mute     bool   // a write has failed
	left     bool
	rest     net.Buffers // of one that has left: what it is owed, its notice included
	patience *time.Timer
}

// One Unix-domain connection after the other has the next number (MSG-2).
var unixNumber atomic.Int64

// senderOf writes the peer's address as MSG-2 says. netip writes IPv6 as RFC 5952 does.
func senderOf(conn net.Conn) string {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return fmt.Sprintf("unix:%d", unixNumber.Add(1))
	}
	peer := tcp.AddrPort()
	return netip.AddrPortFrom(peer.Addr().Unmap().WithZone(""), peer.Port()).String()
}

// serve keeps a connection from its admission to its end.
func serve(r *room, conn stream, limit int) {
	m := &member{conn: conn, sender: senderOf(conn), over: make(chan struct{})}
	if !r.admit(m) {
		conn.Close()
		return
	}
	go func() {
		deliver(r, m)
		r.forget(m)
	}()
	listen(r, m, limit)
	close(m.over)
}

// listen reads a member to its end of stream, or until the connection is lost.
func listen(r *room, m *member, limit int) {
	lines := &lineReader{limit: limit}
	buffer := make([]byte, 32<<10)
	for {
		r.hold(m)
		n, err := m.conn.Read(buffer)
		if n > 0 && lines != nil {
			broadcasts, left, notice := hear(lines, buffer[:n], m.sender)
			r.accept(m, broadcasts, left, notice)
			if left {
				lines = nil // whatever follows is discarded
			}
		}
		if err != nil {
			r.accept(m, nil, true, "")
			if !errors.Is(err, io.EOF) {
				m.abort()
			}
			return
		}
	}
}

// hear returns the broadcasts of what was read, whether the member leaves after them, and with
// which notice.
func hear(lines *lineReader, octets []byte, sender string) (said []byte, left bool, notice string) {
	header := time.Now().UTC().Format("20060102 15:04:05 ") + sender + "\n"
	for {
		line, rest, ok := lines.cut(octets)
		if !ok {
			return said, false, ""
		}
		switch what, text := judge(line, lines.limit); what {
		case message:
			said = append(append(append(said, header...), text...), '\n')
		case quit:
			return said, true, ""
		case tooLong:
			return said, true, "!line-too-long\n"
		case invalid:
			return said, true, "!invalid-text the line is not UTF-8\n"
		}
		octets = rest
	}
}

// deliver sends a member all that it is owed, and closes the connection in order.
func deliver(r *room, m *member) {
	for owed := r.take(m); len(owed) > 0; owed = r.take(m) {
		if _, err := owed.WriteTo(m.conn); err != nil {
			r.silence(m)
			<-m.over // the end of stream, a reset, or that our patience has ended
			m.abort()
			return
		}
	}
	m.conn.CloseWrite()
	linger(m)
	m.conn.Close()
}

// linger waits while the leaver may still send, so that nothing it has yet to read is destroyed by
// a reset. The other goroutine reads and discards meanwhile.
func linger(m *member) {
	shut := time.Now()
	acked := time.Time{}
	for {
		select {
		case <-m.over:
			return
		case <-time.After(lingerLook):
		}
		waiting, _, seen := unacknowledged(m.conn)
		switch {
		case !seen && time.Since(shut) > lingerBlind:
			return
		case !seen, waiting > 0:
		case acked.IsZero():
			acked = time.Now()
		case time.Since(acked) > lingerAcked:
			return
		}
	}
}

// abort ends the connection without waiting for anything.
func (m *member) abort() {
	if tcp, ok := m.conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	m.conn.Close()
}
