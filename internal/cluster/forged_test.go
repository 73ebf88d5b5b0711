package cluster

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// forgedFile is where a sink's Telegraf keeps what its sender may not write.
const forgedFile = "forged.influx"

// forged returns what sinks have kept of it, without what comes after the tags.
func (w *whole) forged(t *testing.T) (series []string) {
	t.Helper()
	for _, s := range w.sinks {
		text, err := os.ReadFile(s.path(forgedFile))
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			tags, _, _ := strings.Cut(line, " ")
			series = append(series, tags)
		}
	}
	slices.Sort(series)
	return series
}

// impersonate has a gateway publish rows of another.
func (w *whole) impersonate(t *testing.T) {
	w.t = t
	w.drain(t)
	g, other := w.gateways[0], w.gateways[1]

	forgeries := []string{
		"host=" + other.name,
		"host=" + other.name + ",subject=conntrack." + other.name,
		"host=" + g.name + ",host=" + other.name,
		"host=" + g.name + ".example.org",
		"host=conntrack." + g.name,
		"src_name=nowhere", // no host
	}
	lines := bytes.SplitAfter(other.lines(other.reports, len(forgeries)), []byte("\n"))

	// On its own subject, beside a row of its own, which is stored.
	message := g.next(1)
	for i, tags := range forgeries {
		message = append(message, bytes.Replace(lines[i], []byte("host="+other.name), []byte(tags), 1)...)
	}
	w.publish(g, message)
	w.drain(t)
	w.settle(t)
	kept := slices.Compact(w.forged(t)) // a message may come twice
	require.Len(t, kept, len(forgeries))
	for _, series := range kept {
		require.Regexp(t, ",subject=conntrack.gw-1$", series)
	}

	// What is no metric holds up nothing.
	w.publish(g, []byte(ack(1)))
	w.publish(g, g.next(1))
	w.drain(t)

	// On the other's subject, or to NATS itself.
	for _, subject := range []string{
		"conntrack." + other.name, "conntrack." + g.name + ".more", "conntrack", "sinks.deliver", "$JS.ACK.CONNTRACK.sinks.1.1.1.1.1",
		"$JS.API.STREAM.PURGE.CONNTRACK", "$JS.API.STREAM.MSG.GET.CONNTRACK", "$JS.API.CONSUMER.DELETE.CONNTRACK.sinks",
	} {
		out, err := w.nats.as(g.name, "pub", subject, string(lines[0])).CombinedOutput()
		require.Error(t, err, "%s: %s", subject, out)
		require.Contains(t, string(out), `Permissions Violation for Publish to "`+subject+`"`)
		require.Contains(t, w.nats.log(), `user:gw-1" - Publish Violation - Subject "`+subject+`"`)
	}
	w.settle(t)
}
