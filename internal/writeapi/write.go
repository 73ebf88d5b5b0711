package writeapi

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"telegraf-conntrack-accounting/internal/lines"
)

const (
	partEntries = 10_000  // a part of a body is stored when it has so many entries,
	partBytes   = 1 << 20 // or holds so much, which is more than so many rows need
)

// RejectedHeader tells a client how many of its metrics were rejected.
const RejectedHeader = "X-Psql-Sink-Rejected"

var errNoTime = errors.New("has no timestamp: sent again, it would count twice")

// write stores the metrics of a request and answers it.
func (s *Server) write(w http.ResponseWriter, r *http.Request, api version) {
	who, err := s.options.Clients.of(r)
	if err != nil {
		s.refuse(w, r, api, who, err)
		return
	}
	if err := s.options.Accepting(); err != nil {
		s.refuse(w, r, api, who, unavailable(err))
		return
	}
	release, err := s.limit.take(r.Context(), who.key())
	if err != nil {
		s.refuse(w, r, api, who, err)
		return
	}
	defer release()
	rejected, err := s.store(r, who, api)
	if err != nil {
		s.refuse(w, r, api, who, err)
		return
	}
	s.troubles.over(who.String())
	if rejected > 0 {
		w.Header().Set(RejectedHeader, strconv.Itoa(rejected))
	}
	w.WriteHeader(http.StatusNoContent)
}

// store makes the metrics of a request durable, part by part.
func (s *Server) store(r *http.Request, who *client, api version) (rejected int, err error) {
	unit, err := lines.ParseUnit(r.URL.Query().Get("precision"))
	if err != nil {
		return 0, &answer{http.StatusBadRequest, err} // which no setting of Telegraf leads to
	}
	body, err := unpacked(r)
	if err != nil {
		return 0, err
	}
	if api == v2 { // it splits what is too large, and 1.x would drop it
		body = &limited{body, s.options.MaxBody}
	}
	in := lines.NewReader(body)
	for {
		batch := s.options.NewBatch(who.String(), who.mayWrite)
		end, err := fill(batch, in, unit)
		if err != nil {
			return 0, err
		}
		n, err := batch.Store()
		if err != nil {
			return 0, unavailable(err)
		}
		if rejected += n; end {
			return rejected, nil
		}
	}
}

// fill puts the next entries of a body into a batch. end means that there are no more.
func fill(batch Batch, in *lines.Reader, unit lines.Unit) (end bool, err error) {
	for {
		e, err := in.Next()
		switch {
		case errors.Is(err, io.EOF):
			return true, nil
		case err != nil:
			return false, readError(err)
		}
		add(batch, e, unit)
		if taken, bytes := batch.Size(); taken >= partEntries || bytes >= partBytes {
			return false, nil
		}
	}
}

func add(batch Batch, e lines.Entry, unit lines.Unit) {
	if e.Err != nil && !errors.Is(e.Err, lines.ErrCut) { // HTTP says where a body ends
		batch.Reject(e.Text, e.Err)
		return
	}
	m, err := unit.Decode(e.Text, time.Time{})
	switch {
	case err != nil:
		batch.Reject(e.Text, err)
	case m != nil && m.Time().IsZero():
		batch.Reject(e.Text, errNoTime)
	case m != nil:
		batch.Add(m)
	}
}

// readError is for a body that does not arrive whole. What was stored of it comes again.
func readError(err error) error {
	if _, found := errors.AsType[*answer](err); found {
		return err
	}
	return unavailable(fmt.Errorf("the body broke off: %w", err))
}

// unpacked returns the body of a request, without its encoding.
func unpacked(r *http.Request) (io.Reader, error) {
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
		return r.Body, nil
	case "gzip":
		body, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, readError(err)
		}
		return body, nil
	default:
		return nil, unavailable(fmt.Errorf("content encoding %q is not known here: use gzip or identity", encoding))
	}
}

// limited reads a body that must not have more than so many bytes.
type limited struct {
	io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if l.left -= int64(n); l.left >= 0 {
		return n, err
	}
	// A client that is still writing would not see the answer.
	const patience = 256 << 20
	_, _ = io.CopyN(io.Discard, l.Reader, patience)
	return 0, &answer{http.StatusRequestEntityTooLarge, fmt.Errorf("the body is larger than max_body: send it in parts")}
}
