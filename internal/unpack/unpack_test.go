package unpack_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/unpack"
)

func gzipped(t testing.TB, text string) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write([]byte(text))
	require.NoError(t, errors.Join(err, w.Close()))
	return out.Bytes()
}

func zstandard(t testing.TB, text string) []byte {
	w, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	return w.EncodeAll([]byte(text), nil)
}

func readAll(file io.Reader) (string, error) {
	in, err := unpack.New(file)
	if err != nil {
		return "", err
	}
	defer in.Close()
	text, err := io.ReadAll(in)
	return string(text), err
}

func TestKinds(t *testing.T) {
	long := strings.Repeat("1,tcp\n", 100_000)
	for _, text := range []string{"", "a", long} {
		for _, packed := range [][]byte{[]byte(text), gzipped(t, text), append(gzipped(t, text), gzipped(t, "")...), zstandard(t, text)} {
			got, err := readAll(bytes.NewReader(packed))
			require.NoError(t, err)
			require.Equal(t, text, got)
		}
	}
	for _, packed := range [][]byte{[]byte("\ufeff" + long), gzipped(t, "\ufeff"+long), zstandard(t, "\ufeff"+long)} {
		got, err := readAll(bytes.NewReader(packed))
		require.NoError(t, err)
		require.Equal(t, long, got, "without the byte order mark")
	}
	for magic, want := range map[string]string{
		"\xfd7zXZ\x00...":                    "is compressed with xz: unxz it first; plain text, gzip and zstd are read",
		"BZh91AY":                            "is compressed with bzip2: bunzip2 it first; plain text, gzip and zstd are read",
		"PK\x03\x04....":                     "is a zip archive: unzip it first; plain text, gzip and zstd are read",
		"\xff\xfe1\x00":                      "is UTF-16, not UTF-8: iconv -f UTF-16 -t UTF-8 makes text of it; plain text, gzip and zstd are read",
		"1\x007\x00":                         "is UTF-16, not UTF-8: iconv -f UTF-16 -t UTF-8 makes text of it; plain text, gzip and zstd are read",
		string(gzipped(t, "\x001\x007")):     "is UTF-16, not UTF-8: iconv -f UTF-16 -t UTF-8 makes text of it; plain text, gzip and zstd are read",
		string(zstandard(t, "\xfd7zXZ\x00")): "is compressed with xz: unxz it first; plain text, gzip and zstd are read",
		string(gzipped(t, string(gzipped(t, "1,tcp\n")))): "is compressed with gzip or zstd twice: decompress it once; plain text, gzip and zstd are read",
	} {
		_, err := readAll(strings.NewReader(magic))
		require.EqualError(t, err, want)
	}
}

// Errors of a file are told from those of the disk that it is on.
func TestWhoIsAtFault(t *testing.T) {
	for _, packed := range [][]byte{gzipped(t, strings.Repeat("text", 1000)), zstandard(t, strings.Repeat("text", 1000))} {
		_, err := readAll(bytes.NewReader(packed[:len(packed)-3]))
		_, ok := errors.AsType[*unpack.Error](err)
		require.True(t, ok, "%v", err)
		disk := errors.New("input/output error")
		_, err = readAll(io.MultiReader(bytes.NewReader(packed[:len(packed)-3]), broken{disk}))
		require.ErrorIs(t, err, disk)
		_, ok = errors.AsType[*unpack.Error](err)
		require.False(t, ok)
	}
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// FuzzUnpack: whatever a file holds, reading it ends in bounded memory.
func FuzzUnpack(f *testing.F) {
	f.Add(gzipped(f, "1,tcp\n"))
	f.Add(zstandard(f, "1,tcp\n"))
	f.Fuzz(func(_ *testing.T, file []byte) {
		if in, err := unpack.New(bytes.NewReader(file)); err == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(in, 1<<20))
			in.Close()
		}
	})
}
