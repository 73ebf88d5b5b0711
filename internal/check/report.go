package check

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/printable"
)

// Worst returns the level of the worst finding.
func Worst(findings []Finding) (worst Level) {
	for i := range findings {
		worst = max(worst, findings[i].Level)
	}
	return worst
}

// Show prints findings: to a terminal in colours.
func Show(out *os.File, findings []Finding) error {
	return write(out, findings, hasColours(out))
}

// hasColours follows no-color.org.
func hasColours(out *os.File) bool {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	conn, err := out.SyscallConn() // out.Fd would change the mode of the descriptor
	if err != nil {
		return false
	}
	terminal := false
	err = conn.Control(func(fd uintptr) {
		_, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		terminal = err == nil
	})
	return err == nil && terminal
}

// Words and colours (of ECMA-48) by level.
var (
	words   = [...]string{"OK", "WARNING", "FAILURE"}
	colours = [...]string{"32", "33", "31"}
)

func write(out io.Writer, findings []Finding, coloured bool) error {
	var text strings.Builder
	var counts [len(words)]int
	for _, f := range findings {
		counts[f.Level]++
		word := fmt.Sprintf("%-7s", words[f.Level])
		if coloured {
			word = "\x1b[" + colours[f.Level] + "m" + word + "\x1b[0m"
		}
		// Others may have written what is quoted.
		fmt.Fprintf(&text, "%s %s: %s\n", word, f.Name, printable.Line(f.Text()))
	}
	fmt.Fprintf(&text, "%d OK, %d warnings, %d failures\n", counts[OK], counts[Warning], counts[Failure])
	_, err := io.WriteString(out, text.String())
	return err
}

// ShowJSON prints findings as {"level": …, "findings": […]}.
func ShowJSON(out *os.File, findings []Finding) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false) // commands have < and &
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Level    Level     `json:"level"`
		Findings []Finding `json:"findings"`
	}{Worst(findings), findings})
}
