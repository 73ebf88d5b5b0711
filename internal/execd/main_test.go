package execd

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/command"
)

// childVariable makes this test binary be a hosted plugin instead.
const childVariable = "EXECD_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childVariable) {
	case "input", "impatient input", "lonely input":
		in := Input{Program: Process("probe"), New: func() telegraf.Input { return &probe{Count: 1} }}
		switch os.Getenv(childVariable) {
		case "impatient input":
			in.slow = 100 * time.Millisecond
		case "lonely input":
			in.maxSilence = 100 * time.Millisecond
		}
		runAs("probe", InputCommand(in))
	case "output":
		runAs("store", OutputCommand(Output{Program: Process("store"), New: func() telegraf.Output { return &store{} }}))
	case "counting output":
		runAs("store", OutputCommand(Output{Program: Process("store"), New: func() telegraf.Output { return &countingStore{} }}))
	}
	// With -race every process would otherwise take a second to end.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// runAs is the main function of a hosted plugin.
func runAs(name string, main *command.Command) {
	program := command.Program{Name: name, Version: name + " 1.2.3", Main: main, Stdout: os.Stdout, Stderr: os.Stderr}
	os.Exit(program.Run(os.Args[1:]))
}

// child prepares a hosted plugin as a process of its own.
func child(kind string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), childVariable+"="+kind)
	return cmd
}

// probe is an input that adds metrics named probe with the gather's number.
type probe struct {
	Count   int             `toml:"count"` // metrics per gather
	FailAt  int             `toml:"fail_at"`
	DieAt   int             `toml:"die_at"`
	NoStart bool            `toml:"no_start"`
	NoInit  bool            `toml:"no_init"`
	Tell    bool            `toml:"tell"` // when metrics are delivered
	Log     telegraf.Logger `toml:"-"`

	oneShot bool
	gathers int
}

func (*probe) SampleConfig() string { return "[[inputs.probe]]\n  # count = 1\n" }

func (p *probe) SetOneShot(on bool) { p.oneShot = on }

func (p *probe) Init() error {
	if p.NoInit {
		return errors.New("count must be\npositive")
	}
	return nil
}

func (p *probe) Start(telegraf.Accumulator) error {
	if p.NoStart {
		return errors.New("no conntrack here")
	}
	p.Log.Infof("started")
	p.Log.Debug("details")
	return nil
}

func (p *probe) Delivered() {
	if p.Tell {
		p.Log.Infof("delivered %d", p.gathers)
	}
}

func (p *probe) Stop() { p.Log.Warn("stopped") }

type fatalError struct{}

func (fatalError) Error() string { return "the socket" }
func (fatalError) Fatal() bool   { return true }

func (p *probe) Gather(acc telegraf.Accumulator) (err error) {
	p.gathers++
	if p.gathers == p.FailAt {
		acc.AddError(errors.New("lost the table"))
		return errors.New("no dump")
	}
	if p.gathers == p.DieAt {
		defer func() { err = fmt.Errorf("lost all: %w", fatalError{}) }()
	}
	tags := map[string]string{"proto": "tcp", "oneshot": fmt.Sprint(p.oneShot), "empty": ""}
	for i := range p.Count {
		tags["dst"] = fmt.Sprintf("10.%d.%d.0", i>>8, i&255)
		fields := map[string]any{
			"gather": p.gathers, "src_packets": int64(i), "src_bytes": int64(i) * 1000, "dst_packets": int64(i),
			"dst_bytes": int64(i) * 1500, "connection_count": int64(1), "connection_times": int64(i),
		}
		acc.AddFields("probe", fields, tags, time.Unix(1_700_000_000, int64(i)))
	}
	return nil
}

// store is an output that appends the names of metrics to a file, a line per
// batch.
type store struct {
	File  string          `toml:"file"`
	Fail  bool            `toml:"fail"`
	Limit int             `toml:"limit"` // of metrics
	Log   telegraf.Logger `toml:"-"`

	written int
}

func (*store) SampleConfig() string { return "[[outputs.store]]\n" }

func (s *store) Connect() error {
	s.Log.Info("connected")
	return s.append("connect\n")
}

func (s *store) Close() error {
	s.Log.Warn("closed")
	return s.append("close\n")
}

func (s *store) Write(metrics []telegraf.Metric) error {
	if s.Fail {
		return errors.New("disk full")
	}
	line := ""
	for _, m := range metrics {
		line += m.Name() + " "
	}
	s.written += len(metrics)
	return s.append(line + "\n")
}

func (s *store) Accepting() error {
	if s.Limit > 0 && s.written >= s.Limit {
		return errors.New("the spool is full")
	}
	return nil
}

// countingStore is a store that takes note of the lines that are no metrics, as
// "!" and their text.
type countingStore struct{ store }

func (s *countingStore) Rejected(line []byte, reason error) {
	if err := s.append(fmt.Sprintf("!%s (%v) ", line, reason)); err != nil {
		s.Log.Error(err)
	}
}

func (s *store) append(text string) error {
	f, err := os.OpenFile(s.File, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// file writes a file of the test's own and returns its path.
func file(t *testing.T, name, format string, args ...any) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, format, args...), 0o600))
	return path
}
