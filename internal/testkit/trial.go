package testkit

import (
	"flag"
	"os"
	"testing"
)

// Trial leaves out a test that keeps a machine busy for long: with kills and failures,
// floods, packages, or browsers. It runs for CI, and where -run asks for some tests.
func Trial(t testing.TB) {
	t.Helper()
	if !Thorough() {
		t.Skip("a trial, which CI=true or -run runs")
	}
}

// Rounds returns how often to repeat what is random: a fourth of n where trials are left out.
func Rounds(n int) int {
	if Thorough() {
		return n
	}
	return max(1, n/4)
}

// Thorough reports whether trials run.
func Thorough() bool {
	return os.Getenv("CI") != "" || flag.Lookup("test.run").Value.String() != ""
}
