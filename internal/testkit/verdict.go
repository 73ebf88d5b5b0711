package testkit

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Verdict is what a command that checks a set-up says with -json.
type Verdict struct {
	Level    string
	Findings []struct{ Name, Level, What, Remedy, Command string }
	Code     int // which the level decides
}

// Check runs such a command.
func Check(t testing.TB, cmd *exec.Cmd) (v Verdict) {
	t.Helper()
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	v.Code = cmd.ProcessState.ExitCode()
	require.NoError(t, json.Unmarshal(out, &v), "%s%s%v", out, &problems, err)
	require.Empty(t, problems.String())
	code, known := map[string]int{"ok": 0, "warning": 1, "failure": 2}[v.Level]
	require.True(t, known, v.Level)
	require.Equal(t, code, v.Code)
	return v
}

// Wrong returns what is not as it should be, a line for each.
func (v Verdict) Wrong() (text string) {
	for _, one := range v.Findings {
		if one.Level != "ok" {
			text += fmt.Sprintf("%s %s: %s; %s: %s\n", one.Level, one.Name, one.What, one.Remedy, one.Command)
		}
	}
	return text
}

// Commands returns those that mend what is wrong.
func (v Verdict) Commands() (list []string) {
	for _, one := range v.Findings {
		if one.Command != "" {
			list = append(list, one.Command)
		}
	}
	return list
}
