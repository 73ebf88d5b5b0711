package execd

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/influxdata/telegraf/config"

	"telegraf-conntrack-accounting/internal/check"
)

// agentConfig is what matters to us of Telegraf's configuration, with Telegraf's defaults.
type agentConfig struct {
	Agent struct {
		MetricBufferLimit int `toml:"metric_buffer_limit"`
	} `toml:"agent"`
	Inputs  struct{ Execd []execdTable } `toml:"inputs"`
	Outputs struct{ Execd []execdTable } `toml:"outputs"`
}

// execdTable is an [[inputs.execd]] or [[outputs.execd]] table.
type execdTable struct {
	Command           []string         `toml:"command"`
	Signal            string           `toml:"signal"`
	RestartDelay      *config.Duration `toml:"restart_delay"`
	DataFormat        string           `toml:"data_format"`
	UseBatchFormat    bool             `toml:"use_batch_format"`
	NamePass          []string         `toml:"namepass"`
	NameOverride      string           `toml:"name_override"`
	MetricBufferLimit int              `toml:"metric_buffer_limit"`
}

// runs reports whether the table's command is a program, perhaps by way of another.
func (e *execdTable) runs(program string) bool {
	return slices.ContainsFunc(e.Command, func(word string) bool {
		base := filepath.Base(word)
		return base == program || base == filepath.Base(os.Args[0])
	})
}

// checkTelegraf reads Telegraf's configuration and has what is in it checked.
func checkTelegraf(path string, lookup LookupEnv, checks ...func(*agentConfig) []check.Finding) (found []check.Finding) {
	t := &agentConfig{}
	t.Agent.MetricBufferLimit = 10_000
	paths := []string{path}
	more, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "telegraf.d", "*.conf"))
	for _, file := range append(paths, more...) {
		if err := t.read(file, lookup); err != nil {
			return []check.Finding{check.Failf("telegraf", "%v", err).Do("correct it, or name another")}
		}
	}
	for _, find := range checks {
		found = append(found, find(t)...)
	}
	return found
}

// read adds a file.
func (t *agentConfig) read(path string, lookup LookupEnv) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading Telegraf's configuration: %w", err)
	}
	before := *t
	t.Inputs.Execd, t.Outputs.Execd = nil, nil
	if _, err := toml.Decode(expandVariables(string(text), lookup), t); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	t.Inputs.Execd = append(before.Inputs.Execd, t.Inputs.Execd...)
	t.Outputs.Execd = append(before.Outputs.Execd, t.Outputs.Execd...)
	return nil
}

var variable = regexp.MustCompile(`\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})`)

// expandVariables puts values in place of variables, as Telegraf does before it parses a
// file. What is not set stays.
func expandVariables(text string, lookup LookupEnv) string {
	return variable.ReplaceAllStringFunc(text, func(whole string) string {
		parts := variable.FindStringSubmatch(whole)
		if value, found := lookup(parts[1] + parts[2]); found {
			return value
		}
		if strings.Contains(whole, "-") {
			return parts[3]
		}
		return whole
	})
}

// checkInput finds out whether Telegraf runs an input as it has to.
func checkInput(program string, m metrics) func(*agentConfig) []check.Finding {
	return func(t *agentConfig) []check.Finding {
		table, found := only(t.Inputs.Execd, program, "inputs.execd", "all traffic counts as often")
		if table == nil {
			return append(found, checkBuffer(t, m))
		}
		if table.NameOverride != "" && m.names > 1 {
			found = append(found, check.Failf("name_override", "rows and their sums (the option sums) all become %q: whatever adds up that measurement counts traffic %d times", table.NameOverride, m.names).Do("remove name_override, and rename conntrack_accounting alone with processors.rename"))
		}
		return append(found, checkSignal(table), checkFormat("inputs.execd", table), checkDelay("inputs.execd", table, 10*time.Second), checkBuffer(t, m))
	}
}

// only returns the one table that runs a program.
func only(tables []execdTable, program, name, twice string) (*execdTable, []check.Finding) {
	var ours []*execdTable
	for i := range tables {
		if tables[i].runs(program) {
			ours = append(ours, &tables[i])
		}
	}
	switch len(ours) {
	case 0:
		return nil, []check.Finding{check.Failf(name, "no %s runs %s", name, program).Do("add one, as sample.conf has it")}
	case 1:
		return ours[0], []check.Finding{check.Okf(name, "%s runs %s", name, strings.Join(ours[0].Command, " "))}
	}
	commands := make(map[string]bool)
	for _, table := range ours {
		commands[strings.Join(table.Command, " ")] = true
	}
	if len(commands) < len(ours) {
		return ours[0], []check.Finding{check.Failf(name, "%d %s run %s with the same command: %s", len(ours), name, program, twice).Do("leave one")}
	}
	return ours[0], []check.Finding{check.Okf(name, "%d %s run %s, each in its own way", len(ours), name, program)}
}

func checkSignal(table *execdTable) check.Finding {
	polls := slices.ContainsFunc(table.Command, func(word string) bool { return strings.Contains(word, "-poll_interval") })
	switch table.Signal {
	case "STDIN", "SIGHUP", "SIGUSR1", "SIGUSR2":
		return check.Okf("signal", "Telegraf asks for each gather (signal = %q)", table.Signal)
	case "", "none":
		if polls {
			return check.Okf("signal", "the program gathers by itself (-poll_interval)")
		}
		return check.Failf("signal", "Telegraf never asks for a gather (signal = \"none\"), so nothing is accounted").Do("set signal = \"STDIN\" in inputs.execd")
	}
	return check.Failf("signal", "Telegraf does not know signal = %q", table.Signal).Do("set signal = \"STDIN\" in inputs.execd")
}

func checkFormat(name string, table *execdTable) check.Finding {
	if table.DataFormat != "" && table.DataFormat != "influx" {
		return check.Failf("data_format", "%s has data_format = %q, and the program knows line protocol only", name, table.DataFormat).Do("set data_format = \"influx\"")
	}
	return check.Okf("data_format", "%s speaks line protocol", name)
}

// checkDelay: preset is Telegraf's own.
func checkDelay(name string, table *execdTable, preset time.Duration) check.Finding {
	delay := preset
	if table.RestartDelay != nil {
		delay = time.Duration(*table.RestartDelay)
	}
	if delay < time.Second {
		return check.Warnf("restart_delay", "%s starts the program again after %v: a program that cannot start is restarted in a tight loop", name, delay).Do("set restart_delay = \"10s\"")
	}
	return check.Okf("restart_delay", "%s starts the program again after %v", name, delay)
}

// checkBuffer compares what Telegraf keeps for an output with what a gather has.
func checkBuffer(t *agentConfig, m metrics) check.Finding {
	const lost = "Telegraf drops the oldest of a gather without an error"
	switch limit := t.Agent.MetricBufferLimit; {
	case limit < m.now:
		return check.Failf("metric_buffer_limit", "it is %d, and a gather now has %d metrics: %s", limit, m.now, lost).Do("set metric_buffer_limit = 1_000_000 in [agent]")
	case limit < m.most:
		return check.Warnf("metric_buffer_limit", "it is %d, and a gather has up to %d metrics (max_series): then %s", limit, m.most, lost).Do("set metric_buffer_limit = 1_000_000 in [agent]")
	default:
		return check.Okf("metric_buffer_limit", "it is %d, and a gather has up to %d metrics (max_series)", limit, m.most)
	}
}

// checkOutput finds out whether Telegraf runs a sink, if it does, with the right options.
func checkOutput(program string) func(*agentConfig) []check.Finding {
	return func(t *agentConfig) []check.Finding {
		if !slices.ContainsFunc(t.Outputs.Execd, func(e execdTable) bool { return e.runs(program) }) {
			return nil // another output, or report files
		}
		table, found := only(t.Outputs.Execd, program, "outputs.execd", "only one can have the spool")
		batch := check.Okf("use_batch_format", "a batch that is cut short is sent again as a whole")
		if !table.UseBatchFormat {
			batch = check.Warnf("use_batch_format", "when the program ends in the middle of a batch, the metrics before that point are lost").Do("set use_batch_format = true in outputs.execd")
		}
		pass := check.Okf("namepass", "only some measurements go to %s", program)
		if len(table.NamePass) == 0 {
			pass = check.Warnf("namepass", "all measurements go to %s, which rejects those of other inputs", program).Do("set namepass = [\"conntrack_accounting\", \"traffic\"] in outputs.execd")
		}
		return append(found, batch, pass, checkFormat("outputs.execd", table), checkDelay("outputs.execd", table, 0))
	}
}
