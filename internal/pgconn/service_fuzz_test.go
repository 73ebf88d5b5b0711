package pgconn

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever a service file holds, it is refused, or what it says of a service is in
// it, and names no other service.
func FuzzServiceFile(f *testing.F) {
	f.Add("# services\n[vpn]\nhost=db\nport = 5432\n\n[other]\nhost=x\n")
	f.Add("[vpn]\nservice=vpn\n")
	f.Add("\ufeff[vpn]\r\npassword=a=b # no comment\r\n=")
	path := filepath.Join(f.TempDir(), "services")
	f.Fuzz(func(t *testing.T, text string) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		found, err := readService(path, "vpn")
		if err != nil {
			return
		}
		require.NotContains(t, found, "service")
		for keyword, value := range found {
			require.NotEmpty(t, keyword)
			require.Contains(t, text, keyword)
			require.Contains(t, text, value)
			require.False(t, strings.ContainsAny(keyword, "=\n"))
		}
	})
}
