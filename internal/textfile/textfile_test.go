package textfile_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/textfile"
)

func TestRead(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "",
		"a":                  "a",
		"a\r\nb\x00":         "a\r\nb\x00",
		"\ufeff\"a b\"\n":    "\"a b\"\n",
		"\ufeff":             "",
		"\ufeff\ufeffa":      "\ufeffa", // only the first is a mark
		"Übungsräume, 研究室\n": "Übungsräume, 研究室\n",
	} {
		path := filepath.Join(t.TempDir(), "list")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		file, err := textfile.Read(path)
		require.NoError(t, err)
		require.Equal(t, want, string(file.Text))
		require.EqualValues(t, len(text), file.Info.Size())
	}
}

// What is no list is refused at once, with its cause.
func TestWhatIsNoText(t *testing.T) {
	folder := t.TempDir()
	path := func(name, text string) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	pipe, large := filepath.Join(folder, "pipe"), path("large", "")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	require.NoError(t, os.Truncate(large, textfile.Max+1))
	for file, says := range map[string]string{
		pipe:                                pipe + " is a named pipe: want a regular file",
		folder:                              folder + " is a folder: want a regular file",
		"/dev/zero":                         "/dev/zero is a device: want a regular file",
		large:                               large + ": is larger than 64 MiB",
		path("little", "\xff\xfet\x00"):     "is UTF-16, as Windows writes it: save it as UTF-8",
		path("big", "\xfe\xff\x00t"):        "is UTF-16",
		path("unmarked", "t\x00c\x00p\x00"): "is UTF-16",
		filepath.Join(folder, "none"):       "no such file",
	} {
		done := make(chan error, 1)
		go func() { // ends at once: that is what is tested
			_, err := textfile.Read(file)
			done <- err
		}()
		select {
		case err := <-done:
			require.ErrorContains(t, err, says)
		case <-time.After(10 * time.Second):
			t.Fatal(file, "is waited for")
		}
	}
}
