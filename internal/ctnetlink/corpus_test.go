package ctnetlink

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A recording is a message that a real kernel sent.
type recording struct {
	name    string
	kind    string // the message type
	payload []byte
}

// recordings returns testdata/messages.txt.
func recordings(t testing.TB) []recording {
	t.Helper()
	text, err := os.ReadFile("testdata/messages.txt")
	require.NoError(t, err)
	var all []recording
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(line)
		require.Len(t, words, 3)
		payload, err := hex.DecodeString(words[2])
		require.NoError(t, err)
		all = append(all, recording{words[0], words[1], payload})
	}
	return all
}

// recorded returns the payload of one recording.
func recorded(t testing.TB, name string) []byte {
	t.Helper()
	for _, r := range recordings(t) {
		if r.name == name {
			return r.payload
		}
	}
	t.Fatalf("no recording %q", name)
	return nil
}
