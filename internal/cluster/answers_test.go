package cluster

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// chosen are subjects that a gateway may not publish on, and has NATS answer on.
var chosen = []string{
	"conntrack.gw-2", "sinks.deliver", "_INBOX.gw-2.token", "$SYS.REQ.SERVER.PING",
	"$JS.API.STREAM.PURGE.CONNTRACK", "$JS.API.STREAM.DELETE.CONNTRACK", "$JS.API.STREAM.MSG.DELETE.CONNTRACK",
	"$JS.API.STREAM.UPDATE.CONNTRACK", "$JS.API.STREAM.RESTORE.MORE", "$JS.API.STREAM.LEADER.STEPDOWN.CONNTRACK",
	"$JS.API.CONSUMER.CREATE.CONNTRACK", "$JS.API.CONSUMER.DELETE.CONNTRACK.sinks", "$JS.API.CONSUMER.RESET.CONNTRACK.sinks",
}

// What a gateway that has been taken over can do to others.
func TestGatewaysAreApart(t *testing.T) {
	testkit.Need(t, "ip")
	// Strict, as it is otherwise, NATS does not take answers for requests: they have fields too many.
	c := startNATS(t, newNetwork(t), hurried, "jetstream {\n", "jetstream {\n  strict: false\n")
	c.admit("gw-2")
	t.Run("answers reach nobody else", c.answerElsewhere)
	t.Run("one answers who asks for the stream", c.askForTheStream)
	t.Run("names of messages are forgotten", c.nameMessages)
	t.Run("connections are few", c.connectOften)
}

// What gateways name messages with takes no memory for long, and hides no message of another.
func (c *natsCluster) nameMessages(t *testing.T) {
	before := c.messages()
	require.NoError(t, c.as("gw-1", "pub", "--jetstream", "-H", "Nats-Msg-Id:7", "conntrack.gw-1", "").Run())
	require.Eventually(t, func() bool {
		return c.as("gw-2", "pub", "--jetstream", "-H", "Nats-Msg-Id:7", "conntrack.gw-2", "").Run() == nil && c.messages() >= before+2
	}, time.Minute, 100*time.Millisecond, "without its option, the window is of two minutes")
}

// NATS answers on the subject that a client chooses, with rights of its own: an acknowledgement
// could be a request, a message of another gateway, or what that waits for. Those of a gateway
// arrive in its account only.
func (c *natsCluster) answerElsewhere(t *testing.T) {
	for range 3 {
		c.request("gw-2", "conntrack.gw-2")
	}
	operator := c.listen(t, c.command("sub", ">"))
	other := c.listen(t, c.as("gw-2", "sub", "_INBOX.gw-2.*"))

	for _, subject := range chosen {
		for _, to := range []string{"conntrack.gw-1", "$JS.API.STREAM.INFO.CONNTRACK"} {
			out, err := c.as("gw-1", "pub", "--reply="+subject, to, "").CombinedOutput()
			require.NoError(t, err, "%s: %s", subject, out)
		}
	}
	require.NoError(t, c.as("gw-2", "pub", "--reply=_INBOX.gw-2.own", "conntrack.gw-2", "").Run())
	last := c.request("gw-1", "conntrack.gw-1") // whose answer comes after all others
	require.Equal(t, 3+len(chosen)+1+1, last)
	require.Eventually(t, func() bool { return strings.Contains(operator.Stdout(), ack(last)) }, time.Minute, 10*time.Millisecond)
	require.Eventually(t, func() bool { return strings.Contains(other.Stdout(), ack(last-1)) }, time.Minute, 10*time.Millisecond)

	require.Equal(t, map[string]int{"conntrack.gw-1": len(chosen) + 1, "conntrack.gw-2": 3 + 1}, c.subjects())
	require.Equal(t, 1, strings.Count(other.Stdout(), "Received on"), other.Stdout())
	for _, subject := range chosen[1:] { // the first one has messages of its own
		require.NotContains(t, operator.Stdout(), fmt.Sprintf("Received on %q", subject))
	}

	// An acknowledgement is such a request.
	require.NoError(t, c.command("pub", "$JS.API.STREAM.PURGE.CONNTRACK", ack(last)).Run())
	require.Eventually(t, func() bool { return c.messages() == 1 }, time.Minute, 10*time.Millisecond)
}

// Telegraf asks for the stream when it starts, and ends if it hears that there is none. Only the
// account of the stream answers.
func (c *natsCluster) askForTheStream(t *testing.T) {
	for _, gateway := range []string{"gw-1", "gw-2"} { // that was there, and that came
		answers := c.listen(t, c.as(gateway, "sub", "_INBOX.answers"))
		for range 10 {
			require.NoError(t, c.as(gateway, "pub", "--reply=_INBOX.answers", "$JS.API.STREAM.INFO.CONNTRACK", "").Run())
		}
		require.Eventually(t, func() bool { return strings.Count(answers.Stdout(), `"config":`) == 10 }, time.Minute, 10*time.Millisecond)
		require.NotContains(t, answers.Stdout(), "error")
	}
}

// A gateway that connects without end keeps no other from it.
func (c *natsCluster) connectOften(t *testing.T) {
	for range 10 {
		c.listen(t, c.as("gw-1", "sub", "_INBOX.>"))
	}
	out, err := c.as("gw-1", "pub", "conntrack.gw-1", "").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "maximum account active connections exceeded")
	c.request("gw-2", "conntrack.gw-2")
}

// ack is how NATS acknowledges a message.
func ack(seq int) string { return fmt.Sprintf(`{"stream":"CONNTRACK","seq":%d}`, seq) }

// request has a gateway publish a message, and returns its number in the stream.
func (c *natsCluster) request(gateway, subject string) (seq int) {
	c.t.Helper()
	out, err := c.as(gateway, "req", "--raw", subject, "").Output()
	require.NoError(c.t, err, "%s", out)
	var answer struct{ Seq int }
	require.NoError(c.t, json.Unmarshal(out, &answer), "%s", out)
	require.Positive(c.t, answer.Seq, "%s", out)
	return answer.Seq
}

// listen waits until a user has subscribed to a subject. What comes is on the child's Stdout.
func (c *natsCluster) listen(t *testing.T, cmd *exec.Cmd) *testkit.Child {
	t.Helper()
	child := testkit.StartChild(t, cmd)
	require.Eventually(t, func() bool { return strings.Contains(child.Stdout()+child.Stderr(), "Subscribing on") }, time.Minute, 10*time.Millisecond)
	return child
}

// subjects returns how many messages the stream has of each.
func (c *natsCluster) subjects() (messages map[string]int) {
	c.t.Helper()
	out, err := c.command("stream", "subjects", "CONNTRACK", "--json").Output()
	require.NoError(c.t, err)
	require.NoError(c.t, json.Unmarshal(out, &messages), "%s", out)
	return messages
}
