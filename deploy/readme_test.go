package deploy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// service stands for systemctl, which needs a machine that systemd has booted:
// it starts Telegraf as the package's unit and our drop-in say. TestUnits has
// systemd itself read the drop-in.
const service = `
systemctl() {
    case $* in
    daemon-reload) ;;
    'restart telegraf')
        install -d -o telegraf -g telegraf -m 0750 /var/lib/psql-sink /var/lib/conntrack-accounting
        setpriv --reuid telegraf --regid telegraf --init-groups --no-new-privs \
            --bounding-set -all,+net_admin --inh-caps -all,+net_admin --ambient-caps -all,+net_admin \
            telegraf --config /etc/telegraf/telegraf.conf &
        telegraf=$!
        ;;
    *) echo "systemctl $*: the test knows nothing of it" >&2; exit 1 ;;
    esac
}
`

// untilRows runs the README's last command until it shows rows.
const untilRows = `
tries=0
until rows=$(%s) && echo "$rows" | grep -q 10.32.1.1; do
    tries=$((tries + 1))
    [ $tries -lt 120 ] || { echo "no rows: $rows" >&2; kill $telegraf; exit 1; }
    sleep 1
done
echo "$rows"
%s
%s
kill $telegraf
wait $telegraf || true
service postgresql stop
`

// pictures keeps what a terminal shows of the checks, as all is and with some faults, for
// scripts/pictures, which names the folder.
const pictures = `
cat >/root/checks <<'END'
%sEND
picture() { script -qec "PS4='# ' sh -x /root/checks" '%s'/$1 </dev/null >/dev/null || true; }
conntrack -F
sleep 3 # flows from before the sysctls have no counters
picture check
sed -i '/metric_buffer_limit/d' /etc/telegraf/telegraf.conf
sysctl -q net.netfilter.nf_conntrack_events=2
runuser -u postgres -- psql -q -d vpn -c 'REVOKE INSERT ON vpn_traffic FROM vpn_traffic_writer'
chown root /var/lib/psql-sink/new
picture check-faults
`

// TestReadmeInstalls does what README.md's chapter on installing says, word for
// word, on a machine with nothing but Telegraf and the package that was downloaded,
// until rows are in Postgres.
func TestReadmeInstalls(t *testing.T) {
	testkit.Trial(t)
	t.Parallel()
	testkit.Need(t, "unshare", "runuser", "setpriv", "pg_createcluster")
	root := testkit.Root(t)
	checks := blocks(t, root, "docs/operations.md", "## Checking a set-up")
	install, postgres := blocks(t, root, "README.md", "## Install"), blocks(t, root, "README.md", "### Into Postgres")
	require.Len(t, append(install, postgres...), 3, "the README has other blocks than this test runs")

	script := filepath.Join(t.TempDir(), "script")
	looks := ""
	if folder := os.Getenv("PICTURES"); folder != "" {
		looks = fmt.Sprintf(pictures, checks[0], folder)
	}
	text := download(t, "newer") + service + install[0] + postgres[0] + fmt.Sprintf(untilRows, strings.TrimSpace(postgres[1]), strings.ReplaceAll(checks[0], "\n", " || [ $? = 1 ]\n"), looks) // there are flows from before the sysctls
	require.NoError(t, os.WriteFile(script, []byte(text), 0o600))

	gateway := talkative(t)
	machine := machine(t, gateway, root, script)
	talkUntilEnded(t, gateway, machine)
	require.NoError(t, machine.Wait(time.Minute), "%s%s", machine.Stdout(), machine.Stderr())
	require.Regexp(t, `10\.32\.1\.1 *\| 10\.32\.2\.1`, machine.Stdout())
	require.NotContains(t, machine.Stderr(), "psql-sink] E!", "the sink has nothing to complain of")
	require.Equal(t, 2, strings.Count(machine.Stdout(), " warnings, 0 failures\n"), "both checks: %s", machine.Stdout())
}

// download returns a command that puts a package where a browser would.
func download(t *testing.T, version string) string {
	t.Helper()
	return fmt.Sprintf("cd /root && rm -f *.deb && cp '%s' .\n", file(t, filepath.Join(packages(t), version), ".deb"))
}

// blocks returns the commands and statements under a heading of a document.
func blocks(t *testing.T, root, document, heading string) []string {
	t.Helper()
	return blocksOf(t, "sh|sql", root, document, heading)
}

// blocksOf returns what a document has in some languages under a heading.
func blocksOf(t *testing.T, languages, root, document, heading string) (found []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, document))
	require.NoError(t, err)
	_, chapter, ok := strings.Cut(string(text), "\n"+heading+"\n")
	require.True(t, ok, "%s has no %s", document, heading)
	for line := range strings.Lines(chapter) { // until the next one
		if strings.HasPrefix(line, "## ") || strings.HasPrefix(line, "### ") {
			chapter, _, _ = strings.Cut(chapter, "\n"+line)
			break
		}
	}
	for _, block := range regexp.MustCompile("(?s)```(?:"+languages+")\n(.*?)```").FindAllStringSubmatch(chapter, -1) {
		found = append(found, block[1])
	}
	return found
}

// talkative makes a network namespace for a machine, with an address that answers.
func talkative(t *testing.T) *testkit.Netns {
	t.Helper()
	gateway := testkit.NewNetns(t)
	gateway.TrackAll(t)
	gateway.Local(t, "10.32.0.0/16")
	gateway.EchoUDP(t, "10.32.2.1:53")
	return gateway
}

// talkUntilEnded makes traffic from 10.32.1.1 to 10.32.2.1 for as long as the machine runs.
func talkUntilEnded(t *testing.T, gateway *testkit.Netns, machine *testkit.Child) {
	t.Helper()
	for {
		require.NoError(t, gateway.UDP("10.32.1.1", "10.32.2.1:53", 3, 100))
		select {
		case <-machine.Ended():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// machine runs a script on a machine of its own.
func machine(t *testing.T, net *testkit.Netns, root, script string) *testkit.Child {
	t.Helper()
	return testkit.StartChild(t, net.Command("unshare", "--mount", "--propagation", "private",
		"sh", "testdata/machine.sh", root, testkit.Telegraf(t), t.TempDir(), script))
}
