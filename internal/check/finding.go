// Package check holds and prints the findings of a command that checks a set-up, for
// people and as JSON. A finding is a fact with its level and, unless all is well, a
// remedy. The packages that know the facts make the findings.
package check

import (
	"fmt"
	"regexp"
	"strings"
)

// Level is the severity of a finding.
type Level int

// The levels. Their values are also the exit codes of a command that checks.
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

// Do returns the finding with a remedy, a sentence that starts in lower case.
func (f Finding) Do(format string, args ...any) Finding {
	f.Remedy = fmt.Sprintf(format, args...)
	return f
}

// Run returns the finding with a shell command that carries the remedy out.
func (f Finding) Run(format string, args ...any) Finding {
	f.Command = fmt.Sprintf(format, args...)
	return f
}

// Text returns the finding as one line for a log.
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

var plain = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,=-]+$`)

// Quote returns a text as one word of a shell, for the command of a finding.
func Quote(text string) string {
	if plain.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
