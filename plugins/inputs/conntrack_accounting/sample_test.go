package conntrack_accounting

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/influxdata/telegraf/plugins/inputs"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/execd"
)

// The sample shows every option, the README shows the sample, and what is
// shown as a default is one.
func TestSampleConfigShowsTheDefaults(t *testing.T) {
	sample := inputs.Inputs["conntrack_accounting"]().SampleConfig()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), "```toml\n"+sample+"```\n")

	options := regexp.MustCompile(`(?m)^  # (\w+) = `)
	require.Len(t, options.FindAllString(sample, -1), 36, "every option is there once")
	live := options.ReplaceAllString(sample, "  $1 = ")
	for option, example := range map[string]string{
		"source": `["10.32.0.0/11", "2001:db8::/32"]`, "exclude": `["127.0.0.0/8", "::1"]`,
		"ports_file": `"/etc/telegraf/ports"`, "networks_file": `"/etc/telegraf/networks.csv"`, "zones": "[0]", "mark": `"0x1/0xff"`,
	} { // these have no default to show, so an example stands there
		line := "  " + option + " = " + example + "\n"
		require.Contains(t, live, line)
		live = strings.Replace(live, line, "", 1)
	}
	shown := &Plugin{}
	path := filepath.Join(t.TempDir(), "input.conf")
	require.NoError(t, os.WriteFile(path, []byte(live), 0o600))
	require.NoError(t, execd.LoadConfig(path, "inputs", "conntrack_accounting", os.LookupEnv, shown))
	require.Equal(t, defaultPorts, shown.Ports)
	shown.Ports = nil                                            // which asks for the default
	shown.Destination, shown.GroupBy, shown.Sums = nil, nil, nil // written as empty lists
	require.Equal(t, New(), shown)
}
