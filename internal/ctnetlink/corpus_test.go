package ctnetlink

import (
	"encoding/binary"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
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
		toHostOrder(payload[nfgenmsgLen:])
		all = append(all, recording{words[0], words[1], payload})
	}
	return all
}

// toHostOrder rewrites the headers of attributes, which a kernel writes in its own
// byte order: that of the recordings is little-endian. The values are in network
// order on all.
func toHostOrder(attributes []byte) {
	for b := attributes; len(b) >= nlattrLen; {
		size, kind := binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:])
		binary.NativeEndian.PutUint16(b, size)
		binary.NativeEndian.PutUint16(b[2:], kind)
		if kind&unix.NLA_F_NESTED != 0 {
			toHostOrder(b[nlattrLen:size])
		}
		b = b[min(align(int(size)), len(b)):]
	}
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
