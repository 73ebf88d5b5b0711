package execd

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/printable"
)

// maxLogLine keeps a line well below the 64 KiB at which Telegraf's execd
// plugins stop reading their child's messages altogether.
const maxLogLine = 8 << 10

// NewLogger returns a Telegraf logger that writes one line per message, which
// begins with a bare level such as "E! ": inputs.execd turns this prefix into
// a level of its own log, and only if nothing (like a time) comes before it.
// Errors and warnings go to problems, the rest to infos; debug messages only
// if debug is set. Write errors are ignored: there is no place left to report them.
func NewLogger(infos, problems io.Writer, debug bool) telegraf.Logger {
	level := telegraf.Info
	if debug {
		level = telegraf.Debug
	}
	return &logger{infos: infos, problems: problems, level: level}
}

type logger struct {
	level telegraf.LogLevel

	mu              sync.Mutex // one line at a time
	infos, problems io.Writer
}

func (l *logger) Level() telegraf.LogLevel { return l.level }

// AddAttribute ignores the attribute: Telegraf marks the child's lines with
// the name and the alias of its own plugin.
func (l *logger) AddAttribute(string, any) {}

func (l *logger) Errorf(format string, args ...any) { l.print(telegraf.Error, format, args) }
func (l *logger) Error(args ...any)                 { l.print(telegraf.Error, "", args) }
func (l *logger) Warnf(format string, args ...any)  { l.print(telegraf.Warn, format, args) }
func (l *logger) Warn(args ...any)                  { l.print(telegraf.Warn, "", args) }
func (l *logger) Infof(format string, args ...any)  { l.print(telegraf.Info, format, args) }
func (l *logger) Info(args ...any)                  { l.print(telegraf.Info, "", args) }
func (l *logger) Debugf(format string, args ...any) { l.print(telegraf.Debug, format, args) }
func (l *logger) Debug(args ...any)                 { l.print(telegraf.Debug, "", args) }
func (l *logger) Tracef(format string, args ...any) { l.print(telegraf.Trace, format, args) }
func (l *logger) Trace(args ...any)                 { l.print(telegraf.Trace, "", args) }

func (l *logger) print(level telegraf.LogLevel, format string, args []any) {
	if !l.level.Includes(level) {
		return
	}
	message := fmt.Sprint(args...)
	if format != "" {
		message = fmt.Sprintf(format, args...)
	}
	line := level.Indicator() + " " + flatten(message) + "\n"
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.infos
	if level <= telegraf.Warn {
		w = l.problems
	}
	_, _ = io.WriteString(w, line)
}

// flatten makes a message one line of limited length. Messages quote text and file
// names of others, so control characters that could mislead a terminal or a reader of
// the log are escaped.
func flatten(message string) string {
	if len(message) > maxLogLine {
		message = strings.ToValidUTF8(message[:maxLogLine], "") + "..."
	}
	return printable.Line(message)
}
