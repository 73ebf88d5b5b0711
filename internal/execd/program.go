// Package execd runs one Telegraf plugin as a process of its own, driven by
// Telegraf's inputs.execd or outputs.execd over stdin and stdout. It loads the
// plugin's configuration and refuses unknown keys, reads or writes line protocol, and
// exits only after Telegraf has read everything the program wrote.
//
// InputCommand and OutputCommand describe such a program for package command. While
// one runs, it handles SIGINT, SIGTERM and SIGPIPE; an input also handles SIGHUP,
// SIGUSR1 and SIGUSR2. The handlers stay until the process ends. After the run, stdout
// and stderr are closed.
package execd

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/models"

	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/oneshot"
)

// The kinds of plugins, as Telegraf's configuration names them.
const (
	inputKind  = "inputs"
	outputKind = "outputs"
)

// Program is the surroundings of a hosted plugin: its name, files and environment.
type Program struct {
	Name     string // the plugin's registered name
	Command  string // what the program is called, for its help
	About    string // what the program does, for its help
	Examples []command.Example

	Stdin, Stdout, Stderr *os.File

	LookupEnv LookupEnv // for ${VAR} in the configuration

	// Started is called once the plugin runs, if it is set.
	Started func(plugin any, log telegraf.Logger)
}

// Process returns the Program of this very process.
func Process(name string) Program {
	return Program{
		Name:  name,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		LookupEnv: os.LookupEnv,
	}
}

// Version describes a build by the version and the commit that were set at link time
// or, without them, those that the Go toolchain recorded.
func Version(version, commit string) string {
	info, ok := debug.ReadBuildInfo()
	if version == "" && ok {
		version = info.Main.Version
	}
	if commit == "" && ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				commit = setting.Value
			}
		}
	}
	return fmt.Sprintf("%s (commit %s, %s, %s/%s)", cmp.Or(version, "unknown"), cmp.Or(commit, "unknown"),
		runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// hosted is any of Telegraf's inputs or outputs.
type hosted interface{ SampleConfig() string }

// A session is a program whose plugin is configured and ready to start.
type session struct {
	Program
	options
	log telegraf.Logger
}

// open configures the plugin and calls its Init. When there is nothing to run, the
// session is nil and the exit code counts.
func (p Program) open(kind string, plugin hosted, o options) (*session, int) {
	// inputs.execd reads the level from each line on stderr; outputs.execd logs all of
	// stderr as errors and all of stdout as infos.
	infos := p.Stderr
	if kind == outputKind {
		infos = p.Stdout
	}
	log := NewLogger(infos, p.Stderr, o.debug)
	if o.sampleConfig {
		if _, err := fmt.Fprint(p.Stdout, plugin.SampleConfig()); err != nil {
			return nil, command.Failed
		}
		return nil, command.Done
	}
	models.SetLoggerOnPlugin(plugin, log)
	if err := p.configure(o, kind, plugin); err != nil {
		for finding := range strings.SplitSeq(err.Error(), "\n") {
			log.Error(finding)
		}
		return nil, command.Failed
	}
	return &session{Program: p, options: o, log: log}, command.Done
}

// started reports to the program that the plugin runs.
func (s *session) started(plugin any) {
	if s.Started != nil {
		s.Started(plugin, s.log)
	}
}

func (p Program) configure(o options, kind string, plugin hosted) error {
	if o.config != "" {
		if err := LoadConfig(o.config, kind, p.Name, p.LookupEnv, plugin); err != nil {
			return err
		}
	}
	if s, ok := plugin.(interface{ SetOneShot(oneShot bool) }); ok && (o.oneShot || oneshot.Telegraf()) {
		s.SetOneShot(true)
	}
	if i, ok := plugin.(telegraf.Initializer); ok {
		if err := i.Init(); err != nil {
			return fmt.Errorf("checking the settings of %s.%s: %w", kind, p.Name, err)
		}
	}
	return nil
}
