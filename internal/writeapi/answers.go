package writeapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// version is that of the API that a request is for.
type version int

const (
	v1 version = 1 // /write, of InfluxDB 1
	v2 version = 2 // /api/v2/write
)

// answer is an error that says what to answer.
type answer struct {
	status int
	error
}

func (a *answer) Unwrap() error { return a.error }

// unavailable is for what may pass when it comes again.
func unavailable(err error) error { return &answer{http.StatusServiceUnavailable, err} }

// retryAfter is after how many seconds a client may try again.
const retryAfter = "5"

// refuse answers a request that is not stored, or only in part.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, api version, who *client, err error) {
	status := http.StatusServiceUnavailable
	if a, found := errors.AsType[*answer](err); found {
		status = a.status
	}
	if api == v1 && status != http.StatusBadRequest {
		status = http.StatusServiceUnavailable // it would drop what is answered by 4xx
	}
	if status != http.StatusRequestEntityTooLarge { // after which it sends the parts
		s.troubles.log(who.String(), err)
	}
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close") // the rest of the body is of no interest
	}
	switch status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter)
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Token")
	}
	writeJSON(w, status, map[string]string{"error": err.Error(), "code": code(status), "message": err.Error()})
}

// code is what InfluxDB 2 calls a status.
func code(status int) string { return strings.ToLower(http.StatusText(status)) }

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client may be gone
}

// ping says that the server runs.
func (s *Server) ping(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Influxdb-Version", "1.8-psql-sink-"+s.options.Version)
	w.WriteHeader(http.StatusNoContent)
}

// health says whether metrics can be stored and imported. Everybody may ask, so it gives no reason.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	status, word, message := http.StatusOK, "pass", "ready for writes"
	if s.options.Accepting() != nil || s.options.Stuck() {
		status, word, message = http.StatusServiceUnavailable, "fail", "no reports are taken, or none are imported: the log of psql-sink says why"
	}
	writeJSON(w, status, map[string]string{"name": "psql-sink", "status": word, "message": message, "version": s.options.Version})
}

// query answers what outputs.influxdb asks before it writes. There are no databases here.
func (s *Server) query(w http.ResponseWriter, r *http.Request) {
	if q := strings.TrimSpace(r.FormValue("q")); strings.HasPrefix(strings.ToUpper(q), "CREATE DATABASE ") {
		writeJSON(w, http.StatusOK, map[string]any{"results": []any{map[string]int{"statement_id": 0}}})
		return
	}
	writeJSON(w, http.StatusBadRequest, map[string]string{"error": "psql-sink takes metrics only: ask Postgres, or use psql-sink report"})
}
