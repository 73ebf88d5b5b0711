// Package execd runs one Telegraf plugin as a process of its own, driven by
// Telegraf's inputs.execd or outputs.execd over stdin and stdout. It loads the
// plugin's configuration, which must be right to the last key, speaks line
// protocol, and ends so that Telegraf has read all there was to say.
//
// RunInput and RunOutput are whole main functions: they return the exit code
// and never call os.Exit. While they run, SIGINT, SIGTERM and SIGPIPE are
// theirs, and an input's are SIGHUP, SIGUSR1 and SIGUSR2; when they return, stdout
// is closed.
package execd

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/models"
)

// Exit codes. A process that failed is started again by Telegraf after the
// restart_delay of its configuration.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

const exitCodes = `
Exit codes:
  0 ended as it was told to
  1 something failed, as said in the log; Telegraf starts it again
  2 the command line is wrong
`

// The kinds of plugins, as Telegraf's configuration names them.
const (
	inputKind  = "inputs"
	outputKind = "outputs"
)

// Program is what a hosted plugin has around it.
type Program struct {
	Name    string   // the plugin's registered name
	Version string   // what -version prints
	Args    []string // command-line arguments, without the program's name
	About   string   // what -help prints before the flags
	More    string   // and what after them

	Stdin, Stdout, Stderr *os.File

	LookupEnv LookupEnv // for ${VAR} in the configuration
}

// Process returns the Program of this very process.
func Process(name, version string) Program {
	return Program{
		Name: name, Version: version, Args: os.Args[1:],
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		LookupEnv: os.LookupEnv,
	}
}

// Version returns the version that a build set at link time or, if it set
// none, the one that the Go toolchain recorded.
func Version(linked string) string {
	if linked != "" {
		return linked
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// A hosted plugin is any of Telegraf's inputs or outputs.
type hosted interface{ SampleConfig() string }

// A session is a program whose plugin is configured and ready to start.
type session struct {
	Program
	options
	log telegraf.Logger
}

// open parses the command line, answers what can be answered at once, and
// configures the plugin, up to its Init. When there is nothing to run it
// returns no session, but an exit code.
func (p Program) open(kind string, plugin hosted) (*session, int) {
	o, usage, err := parseFlags(p.Name, kind, p.Args)
	log := p.logger(kind, o.debug)
	switch {
	case err != nil:
		log.Errorf("%v; -help lists the flags", err)
		return nil, exitUsage
	case o.help:
		return nil, p.answer("%s %s, a plugin for Telegraf's %s.execd\n\n%s\n%s%s%s", p.Name, p.Version, kind, p.About, usage, exitCodes, p.More)
	case o.version:
		return nil, p.answer("%s %s\n", p.Name, p.Version)
	case o.sampleConfig:
		return nil, p.answer("%s", plugin.SampleConfig())
	}
	models.SetLoggerOnPlugin(plugin, log)
	if err := p.configure(o, kind, plugin); err != nil {
		for finding := range strings.SplitSeq(err.Error(), "\n") {
			log.Error(finding)
		}
		return nil, exitError
	}
	return &session{Program: p, options: o, log: log}, exitOK
}

// logger suits the kind of plugin: inputs.execd reads levels from the lines on
// stderr; outputs.execd logs all of stderr as errors and all of stdout as
// infos.
func (p Program) logger(kind string, debug bool) telegraf.Logger {
	if kind == outputKind {
		return NewLogger(p.Stdout, p.Stderr, debug)
	}
	return NewLogger(p.Stderr, p.Stderr, debug)
}

func (p Program) answer(format string, args ...any) int {
	if _, err := fmt.Fprintf(p.Stdout, format, args...); err != nil {
		return exitError
	}
	return exitOK
}

func (p Program) configure(o options, kind string, plugin hosted) error {
	if o.config != "" {
		if err := LoadConfig(o.config, kind, p.Name, p.LookupEnv, plugin); err != nil {
			return err
		}
	}
	if s, ok := plugin.(interface{ SetOneShot(oneShot bool) }); ok && (o.oneShot || underOneShotTelegraf()) {
		s.SetOneShot(true)
	}
	if i, ok := plugin.(telegraf.Initializer); ok {
		if err := i.Init(); err != nil {
			return fmt.Errorf("checking the settings of %s.%s: %w", kind, p.Name, err)
		}
	}
	return nil
}
