package writeapi

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/influxdata/telegraf"
)

// A Batch takes the metrics of a part of a request. See vpn_traffic.Batch.
type Batch interface {
	Add(m telegraf.Metric)
	Reject(line []byte, reason error)
	Size() (taken, bytes int)
	Store() (rejected int, err error)
}

// Options are what a Server works with.
type Options struct {
	// NewBatch returns an empty batch of a client, which rejects metrics of a host for which
	// mayWrite returns an error. It is called by several goroutines.
	NewBatch func(sender string, mayWrite func(host string) error) Batch
	// Accepting returns why no more can be stored for now.
	Accepting func() error
	// Stuck reports whether what is stored goes no further.
	Stuck func() bool

	Clients *Clients // nil: everybody who can connect may write for every host
	MaxBody int64    // bytes of a body, unpacked, beyond which it is to be split
	Version string
	Log     telegraf.Logger
}

const (
	headerTime  = 10 * time.Second // for a TLS handshake, and for a request's headers
	bodyTime    = 2 * time.Minute  // for a request to arrive, and to be stored
	idleTime    = 2 * time.Minute  // between two requests of a connection
	headerBytes = 16 << 10
	connections = 4096 // of each listener; more wait
)

// Server serves the API on any number of listeners.
type Server struct {
	options  Options
	http     http.Server
	limit    *limiter
	troubles *troubles
}

// New returns a Server that does nothing yet.
func New(o Options) *Server {
	s := &Server{options: o, limit: newLimiter(), troubles: newTroubles(o.Log)}
	s.http = http.Server{
		Handler: s.routes(), ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime, WriteTimeout: bodyTime + headerTime,
		IdleTimeout: idleTime, MaxHeaderBytes: headerBytes,
		ErrorLog: log.New(debugLog{o.Log}, "", 0),
	}
	return s
}

// Serve answers what comes in through a listener, until Stop. It closes the listener.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Stop takes no further requests, and waits until those in hand are answered, for at most
// so long.
func (s *Server) Stop(timeout time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /write", func(w http.ResponseWriter, r *http.Request) { s.write(w, r, v1) })
	mux.HandleFunc("POST /api/v2/write", func(w http.ResponseWriter, r *http.Request) { s.write(w, r, v2) })
	mux.HandleFunc("/ping", s.ping)
	mux.HandleFunc("GET /health", s.health)
	mux.HandleFunc("/query", s.query)
	return mux
}

// debugLog logs what the HTTP server says of single connections, such as failed handshakes:
// everybody who can connect can cause any number of them.
type debugLog struct{ telegraf.Logger }

func (l debugLog) Write(text []byte) (int, error) {
	l.Debugf("%s", text)
	return len(text), nil
}
