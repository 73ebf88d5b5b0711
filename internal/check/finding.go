// Package check holds what was found out about a set-up: facts, each with what to do
// where it is not as it should be. Whoever knows a fact finds it; this package prints
// findings, for people and for machines.
package check

import "fmt"

// Level says how bad a finding is.
type Level int

// The levels, which are the exit codes of a command that checks, too.
const (
	OK      Level = iota
	Warning       // something is lost, less exact, or at risk
	Failure       // nothing works, or nothing is counted or stored
)

var levels = [...]string{"ok", "warning", "failure"}

func (l Level) String() string { return levels[l] }

// MarshalText returns the name of the level.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// A Finding is a fact.
type Finding struct {
	Name    string `json:"name"` // of the fact: it does not change from version to version
	Level   Level  `json:"level"`
	What    string `json:"what"`              // is so
	Remedy  string `json:"remedy,omitempty"`  // what to do about it
	Command string `json:"command,omitempty"` // for a shell, which does it, as the last part of Remedy
}

// Okf returns the finding that something is as it should be.
func Okf(name, format string, args ...any) Finding {
	return Finding{Name: name, What: fmt.Sprintf(format, args...)}
}

// Warnf returns a finding that is a warning.
func Warnf(name, format string, args ...any) Finding {
	return Finding{Name: name, Level: Warning, What: fmt.Sprintf(format, args...)}
}

// Failf returns a finding that is a failure.
func Failf(name, format string, args ...any) Finding {
	return Finding{Name: name, Level: Failure, What: fmt.Sprintf(format, args...)}
}

// Do adds what to do.
func (f Finding) Do(format string, args ...any) Finding {
	f.Remedy = fmt.Sprintf(format, args...)
	return f
}

// Run adds the command that does it.
func (f Finding) Run(format string, args ...any) Finding {
	f.Command = fmt.Sprintf(format, args...)
	return f
}

// Text returns the finding as a line of a log has it.
func (f Finding) Text() string {
	text := f.What
	if f.Remedy != "" {
		text += "; " + f.Remedy
	}
	switch {
	case f.Command == "":
		return text
	case f.Remedy == "":
		return text + "; run: " + f.Command
	}
	return text + ": " + f.Command
}
