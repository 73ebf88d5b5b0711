package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq" //nolint:depguard // errors as the server refuses with them
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
)

// stored collects what a loader does.
type stored struct {
	chunks   [][]reportfile.Row
	rejected []string
	fail     error
}

func (s *stored) files(rows int) *Files {
	return &Files{
		Rows: rows, most: 4 * rows, Budget: NewBudget(),
		Store: func(_ context.Context, _ string, rows *store.Rows) error {
			chunk := make([]reportfile.Row, rows.Len())
			for n := range chunk {
				chunk[n] = rows.At(n)
			}
			s.chunks = append(s.chunks, chunk)
			return s.fail
		},
		Reject: func(file int, line *reportfile.BadLine) error {
			s.rejected = append(s.rejected, fmt.Sprintf("%d: %v", file, line))
			return nil
		},
	}
}

// read reads a file of one host.
func read(ctx context.Context, f *Files, file int, in *reportfile.Reader) error {
	return f.read(ctx, file, oneHost{in})
}

type oneHost struct{ *reportfile.Reader }

func (oneHost) Host() string { return "" }

func (s *stored) sizes() (all []int) {
	for _, chunk := range s.chunks {
		all = append(all, len(chunk))
	}
	return all
}

// reports returns lines: for each count, so many rows of a time of their own.
func reports(counts ...int) string {
	var text strings.Builder
	for at, count := range counts {
		for i := range count {
			fmt.Fprintf(&text, "%d,tcp,10.0.0.1,b::,%d,1,1,1,1,1,1\n", reportfile.Earliest+int64(at), i)
		}
	}
	return text.String()
}

func TestChunksEndWithAReport(t *testing.T) {
	for name, test := range map[string]struct {
		counts []int
		want   []int
	}{
		"nothing":               {nil, nil},
		"less than a chunk":     {[]int{10, 20}, []int{30}},
		"many small reports":    {[]int{30, 30, 30, 30, 30, 30, 30, 30}, []int{90, 90, 60}},
		"a report is not cut":   {[]int{10, 200, 10}, []int{10, 200, 10}},
		"but for a gigantic":    {[]int{1000}, []int{400, 400, 200}},
		"and what is before it": {[]int{10, 20, 500, 10}, []int{30, 400, 100, 10}},
		"one that is the chunk": {[]int{100, 100}, []int{100, 100}},
	} {
		t.Run(name, func(t *testing.T) {
			var s stored
			l := s.files(100)
			text := reports(test.counts...)
			half := strings.Index(text[len(text)/2:], "\n") + 1 + len(text)/2
			for file, part := range []string{text[:min(half, len(text))], text[min(half, len(text)):]} {
				require.NoError(t, read(t.Context(), l, file, reportfile.NewReader(strings.NewReader(part))))
			}
			require.NoError(t, l.Flush(t.Context()))
			require.NoError(t, l.Flush(t.Context()), "a second time")
			require.Equal(t, test.want, s.sizes())
			var all []byte
			for _, chunk := range s.chunks {
				for i := range chunk {
					all = reportfile.Append(all, &chunk[i])
				}
			}
			require.Equal(t, text, string(all), "each row once, in order")
		})
	}
}

func TestEndlessTextsDoNotFillMemory(t *testing.T) {
	const rows = 40_000
	var s stored
	l := s.files(1_000_000)
	var text strings.Builder
	for n := range rows {
		fmt.Fprintf(&text, "%d,tcp,10.0.0.1,b::%x,1,1,1,1,1,1,1,,%0200d,%0250d\n", reportfile.Earliest, n, n, n)
	}
	require.NoError(t, read(t.Context(), l, 0, reportfile.NewReader(strings.NewReader(text.String()))))
	require.NotEmpty(t, s.chunks)
	require.NoError(t, l.Flush(t.Context()))
	total := 0
	for _, size := range s.sizes() {
		require.Less(t, size, 30_000)
		total += size
	}
	require.Equal(t, rows, total)
}

func TestBadLinesGoToReject(t *testing.T) {
	var s stored
	l := s.files(100)
	for file, text := range []string{"bad\n" + reports(1), reports(1) + "worse\n"} {
		require.NoError(t, read(t.Context(), l, file, reportfile.NewReader(strings.NewReader(text))))
	}
	require.NoError(t, l.Flush(t.Context()))
	require.Equal(t, []int{2}, s.sizes())
	require.Equal(t, []string{"0: line 1: has 1 columns, not 11, 12 or 14", "1: line 2: has 1 columns, not 11, 12 or 14"}, s.rejected)
}

// What the database refuses as a whole does not cost it a transaction for each row,
// and what it takes is stored still.
func TestRefusalsOfEverythingAreBounded(t *testing.T) {
	s := stored{}
	l := s.files(20_000)
	storeRows := l.Store
	l.Store = func(ctx context.Context, host string, rows *store.Rows) error {
		s.fail = nil
		for n := range rows.Len() {
			if rows.At(n).Port < 9000 {
				s.fail = &pq.Error{Code: "23514", Constraint: "odd", Message: "no"}
			}
		}
		return storeRows(ctx, host, rows)
	}
	require.NoError(t, read(t.Context(), l, 0, reportfile.NewReader(strings.NewReader(reports(10_000)))))
	require.NoError(t, l.Flush(t.Context()))
	require.Less(t, len(s.chunks), 600)
	require.GreaterOrEqual(t, len(s.rejected), 9000)
	require.LessOrEqual(t, len(s.rejected), 9128)
	require.Contains(t, s.rejected[8999], "refused by the database")
}

type brokenDisk struct{ io.Reader }

var errDisk = errors.New("input/output error")

func (b *brokenDisk) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = errDisk
	}
	return n, err
}

func TestErrorsTellWhoseTheyAre(t *testing.T) {
	var s stored
	l := s.files(100)
	err := read(t.Context(), l, 0, reportfile.NewReader(&brokenDisk{strings.NewReader(reports(3))}))
	unread, ok := errors.AsType[*ReadError](err)
	require.True(t, ok)
	require.ErrorIs(t, unread, errDisk)
	require.NoError(t, l.Flush(t.Context()))
	require.Equal(t, []int{3}, s.sizes(), "what could be read is stored")

	s.fail = errors.New("no database")
	err = read(t.Context(), l, 0, reportfile.NewReader(strings.NewReader(reports(80, 80))))
	require.ErrorIs(t, err, s.fail)
	_, ok = errors.AsType[*ReadError](err)
	require.False(t, ok)
	require.ErrorIs(t, l.Flush(t.Context()), s.fail)
	s.fail = nil
	require.NoError(t, l.Flush(t.Context()))
	require.NotEmpty(t, s.chunks[len(s.chunks)-1], "what could not be stored is held")
}

func TestACancelledContextEndsTheReadingOfBadLines(t *testing.T) {
	var s stored
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := read(ctx, s.files(100), 0, reportfile.NewReader(strings.NewReader("bad\n")))
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, s.rejected)
}

// A file may bring so many days that the database has not, besides those that it has
// and today; the next file as many again.
func TestDaysAreBounded(t *testing.T) {
	const day = int64(24 * time.Hour)
	now := time.Now().UnixNano() / day * day
	line := func(day int64) string { return fmt.Sprintf("%d,tcp,10.0.0.1,b::,1,1,1,1,1,1,1\n", day) }
	var s stored
	l := s.files(100)
	asked := 0
	l.Days, l.HasDay = 2, func(_ context.Context, at time.Time) (bool, error) {
		asked++
		return at.UnixNano() == now-5*day, nil
	}
	for file := range 2 {
		text := line(now) + line(now-5*day) + line(now-9*day) + line(now-8*day+1) + line(now-8*day+2) + line(now-7*day) + line(now-7*day+1) + line(now-9*day+1)
		require.NoError(t, read(t.Context(), l, file, reportfile.NewReader(strings.NewReader(text))))
	}
	require.NoError(t, l.Flush(t.Context()))
	require.Equal(t, []int{12}, s.sizes())
	require.Len(t, s.rejected, 4)
	for n, want := range []string{"0: line 6: of ", "0: line 7: of ", "1: line 6: of ", "1: line 7: of "} {
		require.Contains(t, s.rejected[n], want)
	}
	require.Equal(t, 7, asked, "not for each row")

	l.HasDay = func(context.Context, time.Time) (bool, error) { return false, io.ErrUnexpectedEOF }
	require.ErrorIs(t, read(t.Context(), l, 0, reportfile.NewReader(strings.NewReader(line(now-6*day)))), io.ErrUnexpectedEOF)
}

// Rows of a day that takes none are postponed and all others are stored, whichever
// come first.
func TestADayThatTakesNone(t *testing.T) {
	day := &schema.DayError{Day: time.Date(2020, 3, 1, 0, 0, 0, 0, time.UTC)}
	of := map[byte]time.Time{'d': day.Day, 'D': day.Day.Add(-400 * time.Nanosecond), 'o': day.Day.Add(-time.Second), 'O': day.Day.AddDate(0, 0, 1)}
	for _, order := range []string{"d", "D", "dd", "do", "od", "odOdo", "ddoo", "oodd", "dodDo"} {
		var s stored
		var postponed []int
		l := s.files(100)
		storeRows := l.Store
		l.Store = func(ctx context.Context, host string, rows *store.Rows) error {
			for n := range rows.Len() {
				if day.Has(rows.Time(n)) {
					return day
				}
			}
			return storeRows(ctx, host, rows)
		}
		l.Postpone = func(_ int, line *reportfile.BadLine) error {
			postponed = append(postponed, line.Number)
			return nil
		}
		var text strings.Builder
		var want []int
		for n := range order {
			fmt.Fprintf(&text, "%d,tcp,10.0.0.1,b::,%d,1,1,1,1,1,1\n", of[order[n]].UnixNano(), n)
			if order[n] == 'd' || order[n] == 'D' {
				want = append(want, n+1)
			}
		}
		require.NoError(t, read(t.Context(), l, 0, reportfile.NewReader(strings.NewReader(text.String()))))
		require.NoError(t, l.Flush(t.Context()))
		require.Equal(t, want, postponed, order)
		total := 0
		for _, size := range s.sizes() {
			total += size
		}
		require.Equal(t, len(order)-len(want), total, order)
	}

	l := (&stored{fail: day}).files(100)
	l.Postpone = func(int, *reportfile.BadLine) error { return nil }
	require.NoError(t, read(t.Context(), l, 0, reportfile.NewReader(strings.NewReader(reports(1)))))
	require.ErrorIs(t, l.Flush(t.Context()), day, "a day of which there is no row")
}

// Rows of a file that names hosts go to a loader for each, and however many there are,
// few are held.
func TestRowsOfManyHosts(t *testing.T) {
	const hosts, rows = 3000, 40_000
	stored, held, most := map[string]int{}, 0, 0
	f := &Files{
		Rows: 1000, most: 4000, Budget: NewBudget(), Begin: time.Unix(0, reportfile.Earliest+1),
		Store: func(_ context.Context, host string, rows *store.Rows) error {
			stored[host] += rows.Len()
			held -= rows.Len()
			return nil
		},
		Reject: func(int, *reportfile.BadLine) error { return nil },
	}
	in := &manyHosts{rows: rows, hosts: hosts, read: func(past bool) {
		if !past {
			held++
		}
		most = max(most, held)
	}}
	require.NoError(t, f.read(t.Context(), 0, in))
	require.NoError(t, f.Flush(t.Context()))
	require.Zero(t, held)
	require.LessOrEqual(t, most, 1001)
	require.Equal(t, rows/10, f.Past())
	require.Len(t, stored, hosts/10*9)
	for host, n := range stored {
		require.InDelta(t, rows/hosts, n, 1, host)
	}
}

// manyHosts reads rows of one host after the other; those of each tenth are old.
type manyHosts struct {
	n, rows, hosts int
	read           func(past bool)
}

func (m *manyHosts) Read(row *reportfile.Row) error {
	if m.n == m.rows {
		return io.EOF
	}
	m.n++
	past := m.n%10 == 0
	*row = reportfile.Row{Time: reportfile.Earliest + 1, Proto: "tcp", Src: "a::", Dst: "b::"}
	if past {
		row.Time--
	}
	m.read(past)
	return nil
}

func (m *manyHosts) Line() int    { return m.n }
func (m *manyHosts) Host() string { return fmt.Sprint(m.n % m.hosts) }
