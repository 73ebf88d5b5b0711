package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"telegraf-conntrack-accounting/internal/testkit"
)

// A lookSet is a set of data to look at, and the range to look at it.
type lookSet struct {
	name     string
	from, to time.Time
	outage   [2]time.Time
	postgres *sql.DB
	influxdb *testkit.InfluxDB
}

// lookServer answers the page as Grafana's backend would: dashboards, the data sources
// that there are, and queries.
type lookServer struct {
	sets map[string]*lookSet
	page string // the folder of its bundle
}

func (s *lookServer) handler(modules string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /page/", http.StripPrefix("/page/", http.FileServer(http.Dir(s.page))))
	mux.Handle("GET /img/", http.FileServer(http.Dir(filepath.Join(modules, "@grafana", "ui", "dist", "public"))))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(s.page, "index.html"))
	})
	mux.HandleFunc("GET /dashboards/{folder}/{name}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(r.PathValue("folder"), r.PathValue("name")+".json"))
	})
	mux.HandleFunc("GET /uids", func(w http.ResponseWriter, _ *http.Request) { reply(w, dashboardUIDs(), nil) })
	mux.HandleFunc("GET /sources", func(w http.ResponseWriter, r *http.Request) {
		reply(w, s.sets[r.FormValue("data")].sources(), nil)
	})
	mux.HandleFunc("POST /query", func(w http.ResponseWriter, r *http.Request) {
		var q lookQuery
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			reply(w, nil, err)
			return
		}
		frames, err := q.run(s.sets[q.Data])
		reply(w, frames, err)
	})
	return mux
}

func reply(w http.ResponseWriter, value any, err error) {
	if err == nil {
		err = json.NewEncoder(w).Encode(value)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// dashboardUIDs tells which file a link leads to.
func dashboardUIDs() map[string]string {
	found := map[string]string{}
	for name, d := range all() {
		found[d.UID] = name[:len(name)-len(".json")]
	}
	return found
}

// sources are the provisioned ones of the databases that the set has.
func (s *lookSet) sources() []map[string]string {
	list := []map[string]string{}
	if s.postgres != nil {
		list = append(list, map[string]string{"uid": "conntrack-postgres", "type": "grafana-postgresql-datasource", "name": "Traffic in Postgres"})
	}
	if s.influxdb != nil {
		list = append(list, map[string]string{"uid": "conntrack-influxdb", "type": "influxdb", "name": "Traffic in InfluxDB"})
	}
	return list
}

// lookQuery is what the page asks; variables are replaced already.
type lookQuery struct {
	Data, UID, RefID, Text, Format, Alias string
	From, To                              int64
}

func (q *lookQuery) run(set *lookSet) ([]*data.Frame, error) {
	switch {
	case q.UID == "conntrack-postgres" && set.postgres != nil:
		frame, err := q.postgres(set.postgres)
		return []*data.Frame{frame}, err
	case q.UID == "conntrack-influxdb" && set.influxdb != nil:
		return q.influxdb(set.influxdb)
	}
	return nil, fmt.Errorf("data source %s was not found", q.UID)
}

func (q *lookQuery) postgres(db *sql.DB) (*data.Frame, error) {
	v := view{from: time.UnixMilli(q.From), to: time.UnixMilli(q.To)}
	text, err := v.macros(q.Text)
	if err != nil {
		return nil, err
	}
	rows, err := db.Query(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	frame, err := readFrame(rows)
	if err == nil && q.Format == "time_series" {
		frame, err = timeSeries(frame)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	frame.RefID = q.RefID
	return frame, nil
}
