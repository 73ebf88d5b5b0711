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
	if os.Getenv("CI") == "" && flag.Lookup("test.run").Value.String() == "" {
		t.Skip("a trial, which CI=true or -run runs")
	}
}
