package summary_test

import (
	"bytes"
	"image"
	_ "image/png" // what Chromium writes
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/summary"
	"telegraf-conntrack-accounting/internal/testkit"
)

var (
	since = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)
	until = since.Add(15 * time.Hour)
)

// traffic is a working day of offices that use a few services: sizes follow
// curves, and no random numbers.
func traffic() (rows []reportfile.Row) {
	services := []struct {
		proto string
		port  int32
		part  float64
	}{{"tcp", 443, 1}, {"tcp", 22, 0.15}, {"udp", 53, 0.02}, {"tcp", 5432, 0.4}, {"udp", 443, 0.5}, {"tcp", -1, 0.3}}
	sources := []string{"10.32.1.0", "10.32.2.0", "10.32.7.0", "10.32.12.0", "10.32.20.0", "10.32.33.0", "10.32.40.0", "10.32.41.0", "10.32.55.0", "2001:db8:1::", "2001:db8:7::", "192.168.17.0"}
	destinations := []string{"10.40.1.0", "10.40.2.0", "10.41.0.0", "10.44.8.0", "2001:db8:40::"}
	for at := since; at.Before(until); at = at.Add(5 * time.Minute) {
		day := at.Sub(since).Hours() / 15
		for i, src := range sources {
			for j, dst := range destinations {
				service := services[(i*3+j)%len(services)]
				curve := math.Pow(math.Sin(math.Pi*math.Mod(day+0.07*float64(i), 1)), 2)*(1+0.25*math.Sin(day*97+float64(i*j))) + 0.02
				size := int64(4e7 * curve * service.part / float64(1+i) * float64(1+(i*7+j*3)%5))
				row := reportfile.Row{
					Time: at.UnixNano(), Proto: service.proto, Port: service.port, Src: src, Dst: dst,
					SrcPackets: size / 400, SrcBytes: size / 6, DstPackets: size / 900, DstBytes: size, HasOpen: true, OpenConnections: size / 1e6,
				}
				if service.proto == "tcp" {
					row.ConnectionCount, row.ConnectionTimes = size/200000, size/60
				}
				rows = append(rows, row)
			}
		}
	}
	return rows
}

func filled(t *testing.T) *store.DB {
	t.Helper()
	pg := testkit.Database(t)
	db, err := store.Open(pg.DSN())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Migrate(t.Context()))
	_, err = db.Import(t.Context(), "gw", traffic())
	require.NoError(t, err)
	return db
}

func TestSummary(t *testing.T) {
	db := filled(t)
	s, err := summary.Make(t.Context(), db, store.Filter{Since: since, Until: until}, 10)
	require.NoError(t, err)

	// Independent of the database: sums over the rows.
	want := map[string]float64{}
	pairs := map[string]float64{}
	for _, row := range traffic() {
		for _, name := range []string{"", "src " + row.Src, "dst " + row.Dst} {
			want[name] += float64(row.SrcBytes + row.DstBytes)
		}
		pairs[row.Src+" "+row.Dst] += float64(row.SrcBytes)
	}
	require.Equal(t, want[""], s.Both())
	require.Len(t, s.Sources, 11, "ten and all others")
	rest := want[""]
	for _, total := range s.Sources[:10] {
		require.Equal(t, want["src "+total.Name], total.SrcBytes+total.DstBytes, total.Name)
		rest -= total.SrcBytes + total.DstBytes
	}
	require.Equal(t, rest, s.Sources[10].SrcBytes+s.Sources[10].DstBytes)
	require.Len(t, s.Destinations, 5)
	for _, total := range s.Destinations {
		require.Equal(t, want["dst "+total.Name], total.SrcBytes+total.DstBytes, total.Name)
	}
	for _, pair := range s.Pairs {
		require.Equal(t, pairs[pair.Src+" "+pair.Dst], pair.SrcBytes)
	}

	t.Run("text", func(t *testing.T) {
		var out strings.Builder
		require.NoError(t, s.Print(&out, 0))
		for _, text := range []string{"Top sources", "Top destinations", "Top pairs (of whole hours)", "Top ports", "10.32.1.0", "tcp/443", "udp/443", "all others"} {
			require.Contains(t, out.String(), text)
		}
	})
	t.Run("page", func(t *testing.T) { testPage(t, s) })
	t.Run("filters", func(t *testing.T) { testFilters(t, db) })
	t.Run("names", func(t *testing.T) { testNames(t, db) })
	t.Run("nothing", func(t *testing.T) { testNothing(t, db) })
	t.Run("outage", func(t *testing.T) { testOutage(t, db) })
}

func testFilters(t *testing.T, db *store.DB) {
	q := store.Filter{Since: since, Until: until, Src: []string{"10.32.1.0"}, Proto: []string{"udp"}, Port: []string{"53"}, Host: []string{"gw"}}
	s, err := summary.Make(t.Context(), db, q, 3)
	require.NoError(t, err)
	want := 0.0
	for _, row := range traffic() {
		if row.Src == "10.32.1.0" && row.Port == 53 {
			want += float64(row.SrcBytes + row.DstBytes)
		}
	}
	require.Equal(t, want, s.Both())
	var out strings.Builder
	require.NoError(t, s.Print(&out, 0))
	require.Contains(t, out.String(), "Only source 10.32.1.0; protocol udp; port 53; gateway gw")
	require.Contains(t, out.String(), "0 connections closed after - on average", "nothing is divided by zero")
	require.NoError(t, s.HTML(&out))
	require.NotContains(t, out.String(), "NaN")
}

// testNames comes after what takes names for addresses.
func testNames(t *testing.T, db *store.DB) {
	rows := traffic()
	rows = rows[len(rows)-60:]
	for i := range rows {
		rows[i].Time += int64(time.Second)
		if rows[i].Src == "10.32.1.0" {
			rows[i].SrcName = "R&D <b>2nd</b> floor"
		}
		if rows[i].Dst == "10.40.1.0" {
			rows[i].DstName = "Web"
		}
	}
	_, err := db.Import(t.Context(), "gw", rows)
	require.NoError(t, err)
	const source, destination = "R&D <b>2nd</b> floor (10.32.1.0)", "Web (10.40.1.0)"
	s, err := summary.Make(t.Context(), db, store.Filter{Since: since, Until: until}, 10)
	require.NoError(t, err)
	require.Equal(t, source, s.Sources[0].Name)
	require.Equal(t, "10.32.1.0", s.Pairs[0].Src)
	require.Equal(t, source, s.Pairs[0].SrcName)
	var text, page strings.Builder
	require.NoError(t, s.Print(&text, 0))
	require.Equal(t, 2, strings.Count(text.String()[:strings.Index(text.String(), "Top ports")], source+" │ "+destination)+
		strings.Count(text.String()[:strings.Index(text.String(), "Top destinations")], source), text.String())
	require.NoError(t, s.HTML(&page))
	require.NotContains(t, page.String(), "<b>2nd", "names are text")
	require.Contains(t, page.String(), "R&amp;D &lt;b&gt;2nd")
	require.Contains(t, page.String(), "… (10.32.1.0)", "a chart has no room for all of it")
	if keep := os.Getenv("NAMED_PAGE"); keep != "" {
		require.NoError(t, os.WriteFile(keep, []byte(page.String()), 0o644))
	}
}

func testNothing(t *testing.T, db *store.DB) {
	s, err := summary.Make(t.Context(), db, store.Filter{Since: until, Until: until.Add(time.Hour), Src: []string{"<b>&'"}}, 10)
	require.NoError(t, err)
	var text, page strings.Builder
	require.NoError(t, s.Print(&text, 0))
	require.Contains(t, text.String(), "no traffic in this range")
	require.NoError(t, s.HTML(&page))
	require.Contains(t, page.String(), "No traffic in this range")
	require.Contains(t, page.String(), "source &lt;b&gt;&amp;&#39;", "names are text")
}

// testPage shows the page in Chromium, without a network, and looks at the
// picture: it must have the colours of the charts where they belong.
func testPage(t *testing.T, s *summary.Summary) {
	var page bytes.Buffer
	require.NoError(t, s.HTML(&page))
	text := page.String()
	require.NotContains(t, text, "<script", "the page runs nothing")
	require.NotRegexp(t, `(?:src|href)="?(?:https?:)?//`, text, "the page loads nothing")
}

// A browser draws the charts in the colours of its theme.
func TestPageIsDrawn(t *testing.T) {
	testkit.Trial(t)
	s, err := summary.Make(t.Context(), filled(t), store.Filter{Since: since, Until: until}, 10)
	require.NoError(t, err)
	var page strings.Builder
	require.NoError(t, s.HTML(&page))
	for theme, colors := range map[string][][3]uint32{
		"light": {{0xff, 0xff, 0xff}, {0x2f, 0x6f, 0xde}, {0x23, 0xa2, 0x6d}, {0xf0, 0xa1, 0x2b}},
		"dark":  {{0x1a, 0x20, 0x29}, {0x5b, 0x93, 0xf5}, {0x3f, 0xbf, 0x88}, {0xf3, 0xb2, 0x4f}},
	} {
		shot := screenshot(t, page.String(), theme)
		for _, color := range colors {
			require.Greater(t, pixels(shot, color), 300, "%s: a chart in the colour %x", theme, color)
		}
	}
}

// screenshot is of a page as Chromium shows it.
func screenshot(t *testing.T, page, theme string) image.Image {
	t.Helper()
	testkit.Need(t, "chromium")
	dir := t.TempDir()
	file, picture := filepath.Join(dir, "report.html"), filepath.Join(dir, "report.png")
	require.NoError(t, os.WriteFile(file, []byte(page), 0o644))
	if keep := os.Getenv("SCREENSHOT"); keep != "" {
		picture = keep + "-" + theme + ".png"
	}
	cmd := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--user-data-dir="+filepath.Join(dir, "profile"),
		"--blink-settings=preferredColorScheme="+map[string]string{"dark": "0", "light": "1"}[theme],
		"--window-size=1240,2560", "--screenshot="+picture, "--virtual-time-budget=5000", "file://"+file)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	f, err := os.Open(picture)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	shot, _, err := image.Decode(f)
	require.NoError(t, err)
	return shot
}

// testOutage looks at a range of which a third was reported, in two parts.
func testOutage(t *testing.T, db *store.DB) {
	rows := traffic()
	for i := range rows {
		rows[i].Time += int64(30 * time.Hour)
	}
	_, err := db.Import(t.Context(), "gw", rows)
	require.NoError(t, err)
	s, err := summary.Make(t.Context(), db, store.Filter{Since: since, Until: until.Add(75 * time.Hour)}, 10)
	require.NoError(t, err)
	var page strings.Builder
	require.NoError(t, s.HTML(&page))
	text := page.String()
	require.Equal(t, 2*2, strings.Count(text, `<div class="hatch"`), "in each of two charts")
	require.Regexp(t, `<div class="hatch" style="left: 1[67]\.\d\d%; width: 1[67]\.\d\d%">`, text, "15 hours of 90")
	require.Regexp(t, `d="M0\.0 [^"]*M33\d\.\d [^"]*"`, text, "the line goes on after it")
	require.Contains(t, text, "<b>4 Mar</b>")
}

// pixels counts those of about a colour.
func pixels(shot image.Image, want [3]uint32) (n int) {
	bounds := shot.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r, g, b, _ := shot.At(x, y).RGBA()
			near := true
			for i, got := range [3]uint32{r >> 8, g >> 8, b >> 8} {
				near = near && got < want[i]+12 && want[i] < got+12
			}
			if near {
				n++
			}
		}
	}
	return n
}
