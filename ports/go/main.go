// Chatproto-go is a server of chatproto/1: a line-based group chat.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const stopPatience = 2500 * time.Millisecond // with members, after the stop (STOP-1)

func main() {
	address := flag.String("listen", "tcp://127.0.0.1:9999", "tcp://HOST:PORT or unix:/PATH")
	capacity := flag.Int("capacity", 1000, "members and leavers at once")
	limit := flag.Int("line-limit", 65536, "octets of the longest line, 1024 to 1048576")
	heartbeat := flag.Float64("heartbeat", 0, "seconds between heartbeats; 0 for none")
	flag.Parse()
	if *limit < 1024 || *limit > 1<<20 || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	listener, err := listenOn(*address)
	if err != nil {
		fmt.Fprintf(os.Stderr, "chatproto-go: cannot listen on %s: %v\n", *address, err)
		os.Exit(1)
	}

	r := newRoom(*capacity)
	go admitAll(r, listener, *limit)
	go r.bury()
	if *heartbeat > 0 {
		go r.beat(time.Duration(*heartbeat * float64(time.Second)))
	}

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	console := make(chan struct{})
	go watchConsole(console)
	select {
	case <-signals:
	case <-console:
	}
	signal.Reset() // a second signal ends the process at once

	time.AfterFunc(stopPatience, func() { os.Exit(0) })
	r.stop()
	listener.Close() // and with it whoever waits to be admitted
	r.all.Wait()
}

// listenOn opens the address. Go sets SO_REUSEADDR itself (STOP-2).
func listenOn(address string) (net.Listener, error) {
	if strings.HasPrefix(address, "unix:") {
		return listenOnPath(strings.TrimPrefix(address, "unix:"))
	}
	where := strings.TrimPrefix(address, "tcp://")
	if where == address {
		return nil, errors.New("the address is neither tcp://HOST:PORT nor unix:/PATH")
	}
	network := "tcp"
	if host, err := netip.ParseAddrPort(where); err == nil && host.Addr().Is4() {
		network = "tcp4" // otherwise 0.0.0.0 means every IPv6 address as well
	}
	return net.Listen(network, where)
}

// listenOnPath replaces a socket file on which nobody listens, and nothing else (STOP-2).
func listenOnPath(path string) (net.Listener, error) {
	found, err := os.Lstat(path)
	if err == nil && found.Mode()&os.ModeSocket != 0 {
		conn, err := net.Dial("unix", path)
		if err == nil {
			conn.Close()
			return nil, errors.New("somebody listens there")
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			os.Remove(path)
		}
	}
	return net.Listen("unix", path)
}

// admitAll takes connections from the system until the listener is closed.
func admitAll(r *room, listener net.Listener, limit int) {
	for {
		conn, err := listener.Accept()
		switch {
		case err == nil:
			go serve(r, conn.(stream), limit)
		case errors.Is(err, net.ErrClosed):
			return
		case errors.Is(err, syscall.ECONNABORTED): // it was gone before it was taken
		default:
			time.Sleep(100 * time.Millisecond) // no descriptors: wait until some are free
		}
	}
}

// watchConsole closes quit at the console's line `quit`. The end of the console is no stop.
func watchConsole(asked chan<- struct{}) {
	console := bufio.NewReader(os.Stdin)
	for whole := true; ; {
		line, err := console.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
		if what, _ := judge(line, len(line)); whole && err == nil && what == quit {
			close(asked)
			return
		}
		whole = err == nil // the rest of a line that did not fit is no line
	}
}
