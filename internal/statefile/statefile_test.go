package statefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func testOrigin() Origin {
	return Origin{Boot: "boot", Namespace: "net:[4:7:1]", Settings: strings.Repeat("all flows ", 100), Masks: "/24", Written: time.Unix(1_700_000_000, 5)}
}

func write(t testing.TB, path, body string) {
	t.Helper()
	size, err := Write(path, testOrigin(), []byte(body))
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, info.Size(), size)
}

// read returns the body of a state that is whole.
func read(t testing.TB, path string) (s *File, body string) {
	t.Helper()
	s, err := Read(path)
	require.NoError(t, err)
	return s, string(s.Body)
}

func TestWriteAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	_, err := Read(path)
	require.ErrorIs(t, err, fs.ErrNotExist)
	for _, body := range []string{"first", "", strings.Repeat("large ", 1<<18)} {
		write(t, path, body)
		s, text := read(t, path)
		require.Equal(t, body, text)
		require.True(t, s.Superseded.IsZero())
		want := testOrigin()
		require.Empty(t, want.Differs(&s.Origin))
		require.True(t, want.Written.Equal(s.Written))
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode(), "it holds who talks to whom")
}

func TestSupersede(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	require.NoError(t, Supersede(path, time.Unix(1, 0)), "nothing to mark")
	_, err := Read(path)
	require.ErrorIs(t, err, ErrDamaged, "and no first start any more")
	write(t, path, "body")
	for _, at := range []time.Time{time.Unix(1_700_000_001, 0), time.Unix(1_700_000_002, 3)} {
		require.NoError(t, Supersede(path, at))
		s, body := read(t, path)
		require.True(t, at.Equal(s.Superseded))
		require.Equal(t, "body", body)
	}
	write(t, path, "next")
	s, _ := read(t, path)
	require.True(t, s.Superseded.IsZero())
}

func TestDiffers(t *testing.T) {
	for want, change := range map[string]func(*Origin){
		"":                                       func(o *Origin) { o.Written = time.Now() },
		"it is from another boot":                func(o *Origin) { o.Boot, o.Settings = "other", "other" },
		"it describes another network namespace": func(o *Origin) { o.Namespace = "other" },
		"its settings accounted other flows":     func(o *Origin) { o.Settings = "other" },
	} {
		ours, theirs := testOrigin(), testOrigin()
		change(&theirs)
		require.Equal(t, want, ours.Differs(&theirs))
	}
}

// A file that was cut off anywhere, or in which any byte is another, is never
// taken for a state.
func TestDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	write(t, path, "the body of a state")
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	requireDamaged := func(content []byte, what string, i int) {
		t.Helper()
		require.NoError(t, os.WriteFile(path, content, 0o600))
		_, err := Read(path)
		if !errors.Is(err, ErrVersion) && !errors.Is(err, ErrForeign) {
			require.ErrorIs(t, err, ErrDamaged, "%s %d", what, i)
		}
	}
	for i := range whole {
		requireDamaged(whole[:i], "cut off at", i)
		changed := append([]byte(nil), whole...)
		changed[i] ^= 0x10
		requireDamaged(changed, "changed at", i)
	}
	requireDamaged(append(whole, 0), "too long by", 1)
}

// Files of other programs are distinguished from damaged states.
func TestForeignFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	for content, want := range map[string]error{
		"":                          ErrDamaged,
		"ctst":                      ErrDamaged,
		strings.Repeat("\x00", 100): ErrDamaged,
		"ct":                        ErrDamaged,
		"10.0.0.0/8,Campus\n":       ErrForeign,
		"x":                         ErrForeign,
		strings.Repeat("x", 100):    ErrForeign,
	} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := Read(path)
		require.ErrorIs(t, err, want, "%q", content)
	}
}

func TestVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	write(t, path, "body")
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte{99}, 8)
	require.NoError(t, errors.Join(err, f.Close()))
	_, err = Read(path)
	require.ErrorIs(t, err, ErrVersion)
}

// Whatever goes wrong while a state is written, the one before it stays, and
// nothing else.
func TestWriteFails(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "state")
	write(t, path, "former")
	long := testOrigin()
	long.Settings = strings.Repeat("x", maxText+1)
	_, err := Write(path, long, nil)
	require.ErrorContains(t, err, "too long")
	_, body := read(t, path)
	require.Equal(t, "former", body)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 1)

	_, err = Write(filepath.Join(folder, "none", "state"), testOrigin(), nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.Mkdir(filepath.Join(folder, "folder"), 0o700))
	_, err = Write(filepath.Join(folder, "folder"), testOrigin(), nil)
	require.Error(t, err)
	require.Error(t, Supersede(filepath.Join(folder, "folder"), time.Unix(1, 0)))
}

func TestPrepare(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "state")
	for _, name := range []string{".state.tmp", ".other.tmp", "state"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o600))
	}
	require.NoError(t, Prepare(path))
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 2, "the state, and what is not ours")

	require.ErrorContains(t, Prepare(folder), "is not a regular file")
	err = Prepare(filepath.Join(folder, "none", "state"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "its folder must exist")
}

// A named pipe under any of the names is not opened, where it would wait for another
// process: in place of the state it is refused, in place of what we make it gives way.
func TestNamedPipes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	write(t, path, "former")
	require.NoError(t, unix.Mkfifo(besides(path, "tmp"), 0o600))
	write(t, path, "next")
	require.NoError(t, unix.Mkfifo(besides(path, "tmp"), 0o600))
	require.NoError(t, Prepare(path))
	require.NoError(t, unix.Mkfifo(besides(path, "lock"), 0o600))
	lock, err := Lock(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, lock.Unlock())

	for name, replace := range map[string]func() error{
		"a pipe":           func() error { return unix.Mkfifo(path, 0o600) },
		"a link to a pipe": func() error { return os.Symlink(besides(path, "lock"), path) },
		"a device":         func() error { return os.Symlink("/dev/zero", path) },
	} {
		require.NoError(t, os.Remove(path))
		require.NoError(t, replace(), name)
		require.ErrorContains(t, Prepare(path), "is not a regular file", name)
		_, err = Read(path)
		require.Error(t, err, name)
	}
}

// Whatever the bytes, they are a whole state or an error.
func FuzzRead(f *testing.F) {
	path := filepath.Join(f.TempDir(), "state")
	write(f, path, "body")
	whole, err := os.ReadFile(path)
	require.NoError(f, err)
	f.Add(whole)
	f.Add(whole[:headerSize])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "state")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		s, err := Read(path)
		if err != nil {
			require.Nil(t, s)
			return
		}
		again := filepath.Join(t.TempDir(), "state")
		_, err = Write(again, s.Origin, s.Body)
		require.NoError(t, err)
		if !s.Superseded.IsZero() {
			require.NoError(t, Supersede(again, s.Superseded))
		}
		rewritten, err := os.ReadFile(again)
		require.NoError(t, err)
		require.Equal(t, content, rewritten)
	})
}
