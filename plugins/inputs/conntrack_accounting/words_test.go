package conntrack_accounting

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/execd"
)

// loaded returns the plugin with options as they stand in a file.
func loaded(t *testing.T, options string) (*Plugin, error) {
	t.Helper()
	p := New()
	p.Log = &lines{}
	path := filepath.Join(t.TempDir(), "input.conf")
	require.NoError(t, os.WriteFile(path, []byte("[[inputs.conntrack_accounting]]\n"+options), 0o600))
	if err := execd.LoadConfig(path, "inputs", "conntrack_accounting", os.LookupEnv, p); err != nil {
		return p, err
	}
	return p, p.Init()
}

// Options that hold whole numbers take them with or without quotes.
func TestNumbersNeedNoQuotes(t *testing.T) {
	want, err := loaded(t, `
		source = ["10.0.0.0/8"]
		source_mask = "255.255.255.0"
		destination_mask = "/16"
		source_mask_ipv6 = 64
		mark = "0x1f"
		ports = ["tcp:22", "443"]`)
	require.NoError(t, err)
	same, err := loaded(t, `
		source = [" 10.0.0.0/8 "]
		source_mask = 24
		destination_mask = " 16"
		source_mask_ipv6 = "/64"
		mark = 31
		ports = ["tcp:22", 443]`)
	require.NoError(t, err)
	require.Equal(t, want.cfg, same.cfg)
	require.Equal(t, want.dumped, same.dumped)
	require.Equal(t, want.ports, same.ports)
	for options, says := range map[string]string{
		`source_mask = 24.5`:                  `is not an IPv4 mask`,
		`source_mask = 33`:                    `source_mask: "33" is not an IPv4 mask`,
		`source_mask_ipv6 = "ffff::"`:         `"ffff::" is not an IPv6 prefix length`,
		`source = ["10.0.0.0/255.0.0.0"]`:     `did you mean "10.0.0.0/8"?`,
		`ports = true`:                        `want a list`,
		`ports = [4.5]`:                       `want a list`,
		`ports = "tcp:2000-1000"`:             `did you mean 1000-2000?`,
		`ports = ["https", "tcp:no-service"]`: `no service "no-service"`,
	} {
		_, err := loaded(t, options)
		require.ErrorContains(t, err, says, options)
	}
}

// Without the option ports, ports of services are distinguished. An empty list folds
// all, and a file of ports replaces the default.
func TestWhichPortsAreDistinguished(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ports")
	require.NoError(t, os.WriteFile(file, []byte("\ufeffudp:domain\r\nicmp:0\r\n17:123\r\n"), 0o600))
	for options, want := range map[string]int{
		"":                                   5 * 32767,
		`ports = []`:                         0,
		`ports = "all"`:                      5 * 65536,
		`ports = ["all", "icmp:8"]`:          5 * 65536,
		fmt.Sprintf("ports_file = %q", file): 2,
		fmt.Sprintf("ports = []\nports_file = %q", file):            2,
		fmt.Sprintf("ports = [\"tcp:443\"]\nports_file = %q", file): 3,
	} {
		p, err := loaded(t, options)
		require.NoError(t, err, options)
		require.Equal(t, want, p.ports.Len(), options)
		if p.PortsFile != "" {
			require.Len(t, p.Log.(*lines).with("W! ports_file: "+file+`: line 2: port "icmp:0": icmp has no ports`), 1)
		}
	}
}
