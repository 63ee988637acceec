package main

import (
	"math"
	"net"
	"sync"
	"time"
)

const (
	evictAt   = 8 << 20  // octets that wait in the server for a member before it is evicted (LIM-3)
	holdAt    = 4 << 20  // and for a member that is not read meanwhile (TRN-1)
	writeSize = 64 << 10 // octets for one write, or one entry of the log
)

// A room is a log and the members that read it. One lock guards both; nothing waits for a socket
// while it holds the lock.
type room struct {
	capacity int

	mu      sync.Mutex
	news    *sync.Cond // the log has grown, a member has left, or a held one has caught up
	tail    *entry
	members map[*member]bool // leavers and those refused included
	seats   int              // of them, those that count for capacity
	stopped bool
	all     sync.WaitGroup
}

// An entry is a part of the log, whole units. A member holds the last entry that it was sent, so
// the collector frees what every member has passed.
type entry struct {
	octets []byte
	end    int64 // octets of the log up to and with this entry
	next   *entry
}

func newRoom(capacity int) *room {
	r := &room{capacity: capacity, tail: &entry{}, members: map[*member]bool{}}
	r.news = sync.NewCond(&r.mu)
	return r
}

// admit makes a connection a member, or refuses it (LIM-5). It returns false after the stop.
func (r *room) admit(m *member) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return false
	}
	m.taken, m.sent = r.tail, r.tail
	m.seated = r.seats < r.capacity
	if m.seated {
		r.seats++
	} else {
		r.leave(m, "!room-full\n")
	}
	r.members[m] = true
	r.all.Add(1)
	return true
}

// forget frees a connection's place.
func (r *room) forget(m *member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.seated {
		r.seats--
	}
	m.patience.Stop()
	delete(r.members, m)
	r.all.Done()
}

// accept gives a member's broadcasts their place in the log, and ends its membership if it has
// left after them. What was read of a leaver is ignored (QUIT-4).
func (r *room) accept(m *member, broadcasts []byte, left bool, notice string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.left {
		return
	}
	if len(broadcasts) > 0 {
		r.append(broadcasts)
	}
	if left {
		r.leave(m, notice)
	}
}

// beat sends a heartbeat to every member, again and again (HB-2).
func (r *room) beat(every time.Duration) {
	for range time.Tick(every) {
		r.mu.Lock()
		r.append([]byte{'\n'})
		r.mu.Unlock()
	}
}

// bury aborts members whose system answers nothing though something waits to be acknowledged:
// keepalive does not ask then (HB-2). One that reads nothing answers the system's probes.
func (r *room) bury() {
	for range time.Tick(dead / 24) {
		r.mu.Lock()
		for m := range r.members {
			if waiting, silent, _ := unacknowledged(m.conn); waiting > 0 && silent > dead {
				m.abort()
			}
		}
		r.mu.Unlock()
	}
}

// stop ends every membership (STOP-1).
func (r *room) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	for m := range r.members {
		r.leave(m, "!shutting-down\n")
	}
}

// append adds whole units to the log, and evicts whoever lags too far behind, under the lock.
func (r *room) append(octets []byte) {
	next := &entry{octets: octets, end: r.tail.end + int64(len(octets))}
	r.tail.next, r.tail = next, next
	if next.end>>20 != (next.end-int64(len(octets)))>>20 { // a look at every member each MiB
		for m := range r.members {
			if r.lag(m) > evictAt {
				r.leave(m, "")
				m.abort()
			}
		}
	}
	r.news.Broadcast()
}

// leave ends a membership: what the leaver is owed is fixed (ROOM-1). A leaver is left as it is.
func (r *room) leave(m *member, notice string) {
	if m.left {
		return
	}
	m.left = true
	if !m.mute {
		m.rest = append(r.owed(m, math.MaxInt), []byte(notice))
	}
	m.taken, m.sent = nil, nil // keep no more of the log alive
	m.patience = time.AfterFunc(leaverPatience, m.abort)
	r.news.Broadcast()
}

// lag is what waits in the server for a member.
func (r *room) lag(m *member) int64 {
	if m.mute || m.left {
		return 0
	}
	return r.tail.end - m.sent.end
}

// take waits until a member is owed something and returns it, about writeSize octets. It returns
// nothing when all is sent to one that has left. What it returned before has been sent.
func (r *room) take(m *member) net.Buffers {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.sent = m.taken
	if m.held && r.lag(m) <= holdAt {
		r.news.Broadcast()
	}
	for !m.left && m.taken == r.tail {
		r.news.Wait()
	}
	if m.left {
		rest := m.rest
		m.rest = nil
		return rest
	}
	return r.owed(m, writeSize)
}

// owed moves a member on in the log, by about size octets at most, and returns what it passed.
func (r *room) owed(m *member, size int) (octets net.Buffers) {
	for size > 0 && m.taken != r.tail {
		m.taken = m.taken.next
		octets = append(octets, m.taken.octets)
		size -= len(m.taken.octets)
	}
	return octets
}

// hold waits while a member does not read its own backlog (TRN-1).
func (r *room) hold(m *member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.held = true
	for r.lag(m) > holdAt && !m.left {
		r.news.Wait()
	}
	m.held = false
}

// silence notes that a member can be sent nothing more. It is still read (QUIT-5).
func (r *room) silence(m *member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.mute, m.taken, m.sent = true, nil, nil
	r.news.Broadcast()
}
