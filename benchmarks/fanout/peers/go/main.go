// Go: two goroutines and a channel a client; one that lets its channel fill is disconnected.
//
// With `gather`, a client's goroutine writes all that waits in its channel at once.
package main

import (
	"bufio"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

const depth = 16384
const gathered = 65536

type client struct {
	conn    net.Conn
	pending chan []byte
}

type room struct {
	lock    sync.Mutex
	clients map[*client]struct{}
}

func (r *room) join(c *client) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.clients[c] = struct{}{}
}

func (r *room) leave(c *client) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.forget(c)
}

func (r *room) forget(c *client) {
	if _, found := r.clients[c]; found {
		delete(r.clients, c)
		close(c.pending)
	}
}

func (r *room) broadcast(message []byte) {
	r.lock.Lock()
	defer r.lock.Unlock()
	for c := range r.clients {
		select {
		case c.pending <- message:
		default:
			r.forget(c)
			c.conn.Close()
		}
	}
}

func (c *client) send(gather bool) {
	defer c.conn.Close()
	var buffer []byte
	for message := range c.pending {
		if gather {
			buffer = append(buffer[:0], message...)
			for len(c.pending) > 0 && len(buffer) < gathered {
				buffer = append(buffer, <-c.pending...)
			}
			message = buffer
		}
		if _, err := c.conn.Write(message); err != nil {
			return
		}
	}
}

func (r *room) receive(c *client) {
	defer r.leave(c)
	sender := c.conn.RemoteAddr().String()
	lines := bufio.NewScanner(c.conn)
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		if text == "quit" {
			return
		}
		moment := time.Now().Format("20060102 15:04:05")
		r.broadcast([]byte(moment + " " + sender + "\n" + text + "\n"))
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		panic(err)
	}
	gather := len(os.Args) > 2 && os.Args[2] == "gather"
	room := &room{clients: map[*client]struct{}{}}
	for {
		conn, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		c := &client{conn, make(chan []byte, depth)}
		room.join(c)
		go c.send(gather)
		go room.receive(c)
	}
}
