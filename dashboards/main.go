// Command dashboards writes the Grafana dashboards and alert rules beside it, for
// Postgres and for InfluxDB, from one description of their panels:
//
//	go run -C dashboards .
//
// The files are part of the repository; a test fails when they are not current.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := "."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := write(dir); err != nil {
		fmt.Fprintln(os.Stderr, "dashboards:", err)
		os.Exit(1)
	}
}

// write writes all dashboards and alert rules into folders below dir.
func write(dir string) error {
	for name, d := range all() {
		text, err := encode(d)
		if err != nil {
			return fmt.Errorf("encoding %s: %w", name, err)
		}
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("making the folder of %s: %w", name, err)
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return writeAlerts(dir)
}

// all returns the dashboards by the names of their files.
func all() map[string]*dashboard {
	pg, influx, sums := postgres{}, influxdb{downsampled()}, influxdb{inputSums()}
	return map[string]*dashboard{
		"postgres/now.json":         postgresNow(pg),
		"postgres/team.json":        team(pg),
		"postgres/explore.json":     explore(pg),
		"postgres/connections.json": connections(pg),
		"postgres/groups.json":      groups(pg),
		"postgres/pair.json":        pair(pg),
		"postgres/health.json":      postgresHealth(pg),
		"influxdb/now.json":         influxNow(influx),
		"influxdb/team.json":        team(influx),
		"influxdb/connections.json": connections(influx),
		"influxdb/groups.json":      groups(influx),
		"influxdb/health.json":      influxHealth(influx),

		"influxdb-sums/now.json":         inSteps(influxNow(sums)),
		"influxdb-sums/team.json":        inSteps(team(sums)),
		"influxdb-sums/connections.json": inSteps(connections(sums)),
		"influxdb-sums/groups.json":      inSteps(groups(sums)),
		"influxdb-sums/health.json":      inSteps(influxHealth(sums)),
	}
}

// encode returns JSON as Grafana exports it: indented, with < and > as they are.
func encode(d *dashboard) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}
