package deploy_test

import (
	"debug/buildinfo"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// What the programs say they are built from has its terms in THIRD_PARTY_NOTICES;
// "make lint" compares the texts.
func TestNoticesNameWhatIsLinked(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(testkit.Root(t), "THIRD_PARTY_NOTICES"))
	require.NoError(t, err)
	notices := string(text)
	for _, name := range []string{"execd-plugin", "psql-sink"} {
		info, err := buildinfo.ReadFile(testkit.Binary(t, "telegraf-conntrack-accounting/cmd/"+name))
		require.NoError(t, err)
		require.NotEmpty(t, info.Deps)
		for _, module := range info.Deps {
			require.Contains(t, notices, "\n"+module.Path+" "+module.Version+"\n", "%s is linked from it: run make notices", name)
		}
	}
	require.Contains(t, notices, "\nthe Go standard library\n")
}
