package writeapi

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/testkit"
)

func clientsFile(t *testing.T, text string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clients.conf")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	log := new(bytes.Buffer)
	_, err := ReadClients(path, execd.NewLogger(log, log, false))
	return path, err
}

// The file of the documentation is one, and its patterns are what they are said to be.
func TestClientsOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testkit.Root(t), "docs/scale.md"))
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```toml\n(\\[\\[client.*?)```").FindSubmatch(text)
	require.NotNil(t, block)
	path, err := clientsFile(t, string(block[1]))
	require.NoError(t, err)
	list, err := readClients(path)
	require.NoError(t, err)
	north := list.byCertificate["north.example.org"]
	require.NoError(t, north.mayWrite("north"))
	for _, host := range []string{"", "North", "north2", "pop-7-1"} {
		require.Error(t, north.mayWrite(host), host)
	}
	for _, pop := range list.byToken {
		require.NoError(t, pop.mayWrite("pop-7-1"))
		require.Error(t, pop.mayWrite("pop-71"))
	}
	require.Len(t, list.byToken, 1)
	require.NotContains(t, list.byCertificate, "", "a certificate without a name is nobody's")

	require.NoError(t, os.Chmod(path, 0o604))
	_, err = readClients(path)
	require.ErrorContains(t, err, "others can read or change it: chmod o= "+path)
}

func TestClientsThatAreRefused(t *testing.T) {
	const sum = `token_sha256 = "b8f4f98a3e8d49c0a5b3ed9c3bbed8a3a5c9f6b0d9a4d8f4f1f0b5a9d6e2c731"` + "\n"
	for text, want := range map[string]string{
		"[[client]]\n" + sum + `hosts = ["a"]`:                                                                     "has no name",
		"[[client]]\nname = \"a\"\nhosts = [\"a\"]":                                                                "has neither certificate nor token_sha256",
		"[[client]]\nname = \"a\"\ntoken_sha256 = \"ab\"\nhosts = [\"a\"]":                                         "is no SHA-256 in hexadecimal",
		"[[client]]\nname = \"a\"\n" + sum:                                                                         "has no hosts",
		"[[client]]\nname = \"a\"\n" + sum + `hosts = ["[a"]`:                                                      "syntax error in pattern",
		"[[client]]\nname = \"a\"\n" + sum + "hosts = [\"a\"]\n[[client]]\nname = \"b\"\n" + sum + `hosts = ["b"]`: `has the certificate or token of "a"`,
		"[[client]]\nname = \"a\"\n" + sum + "hosts = [\"a\"]\n[[client]]\nname = \"a\"\n" + sum + `hosts = ["b"]`: `two clients are called "a"`,
		"[client]\nname = \"a\"":                                                                                   "client",
		"token = \"a\"":                                                                                            "unknown key token",
	} {
		_, err := clientsFile(t, text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestParseAddress(t *testing.T) {
	for _, text := range []string{"unix:///run/psql-sink/write.sock", "https://[::]:8443", "https://10.0.0.1:1", "http://127.0.0.1:8186", "http://[::1]:8186", "http://localhost:1"} {
		_, err := ParseAddress(text)
		require.NoError(t, err, text)
	}
	for _, text := range []string{"", ":8443", "unix://", "unix://host/path", "https://[::]", "https://[::]:1/write", "http://[::]:1", "http://10.0.0.1:1", "http://localhost.example.org:1", "http://127.0.0.1", "ftp://127.0.0.1:1", "https://[::"} {
		_, err := ParseAddress(text)
		require.ErrorContains(t, err, "listen: ", text)
	}
}
