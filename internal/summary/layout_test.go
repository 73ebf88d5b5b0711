package summary_test

import (
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/summary"
	"telegraf-conntrack-accounting/internal/testkit"
)

// measure is a page that shows others in frames of some widths, and says of each what does
// not fit: a frame that scrolls sideways, labels that overlap or stand out.
const measure = `<!DOCTYPE html><meta charset="utf-8"><pre id="said"></pre><script>
const pages = %s, said = {};
const overlap = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
function look(frame) {
  const doc = frame.contentDocument, root = doc.documentElement, found = [];
  if (root.scrollWidth > root.clientWidth) found.push("scrolls sideways: " + root.scrollWidth + " in " + root.clientWidth);
  for (const kind of [".sankey .from span", ".sankey .to span", ".chart:nth-of-type(1) .time", "table.matrix thead span", ".bars > *"]) {
    for (const group of doc.querySelectorAll("section")) {
      const labels = [...group.querySelectorAll(kind)].map(e => ({text: e.textContent, box: e.getBoundingClientRect()})).filter(l => l.box.width);
      labels.forEach((a, i) => labels.slice(i + 1).forEach(b => { if (overlap(a.box, b.box)) found.push(a.text + " overlaps " + b.text); }));
      for (const l of labels) if (!kind.includes("matrix") && (l.box.left < -1 || l.box.right > root.clientWidth + 1)) found.push(l.text + " stands out");
    }
  }
  return found;
}
for (const [name, text] of Object.entries(pages)) for (const width of [390, 800, 1600]) {
  const frame = document.createElement("iframe");
  frame.style.cssText = "border: 0; height: 3000px; width: " + width + "px";
  frame.srcdoc = text;
  frame.onload = () => { said[name + " at " + width] = look(frame); document.getElementById("said").textContent = JSON.stringify(said); };
  document.body.append(frame);
}
</script>`

// A page fits a telephone and a large screen, whatever it is of.
func TestLayout(t *testing.T) {
	testkit.Trial(t)
	testkit.Need(t, "chromium")
	db := filled(t)
	large := until.Add(24 * time.Hour)
	var rows []reportfile.Row
	for n := range 232 * 237 {
		src, dst := n%232, n/232
		row := reportfile.Row{
			Time: large.UnixNano(), Proto: "tcp", Port: int32(1 + n%40), Src: fmt.Sprintf("10.32.%d.0", src), Dst: fmt.Sprintf("2001:db8:aaaa:bbbb:cccc:dddd:eeee:%x", 0x1000+dst),
			SrcBytes: int64(1000 + n), DstBytes: int64(7 * n), ConnectionCount: 1,
		}
		row.SrcName = fmt.Sprintf("Команда номер %d <b>\u202eevil \"team\"", src)
		rows = append(rows, row)
	}
	_, err := db.Import(t.Context(), "gw", rows)
	require.NoError(t, err)
	rows = rows[:1]
	rows[0].Time = large.Add(48 * time.Hour).UnixNano()
	_, err = db.Import(t.Context(), "gw", rows)
	require.NoError(t, err)

	pages := make(map[string]string)
	for name, q := range map[string]store.Filter{
		"a day":       {Since: since, Until: until},
		"an outage":   {Since: since, Until: until.Add(7 * time.Hour)},
		"months":      {Since: since.AddDate(0, -7, 0), Until: until.AddDate(0, 5, 0)},
		"232 groups":  {Since: large, Until: large.Add(time.Minute)},
		"one group":   {Since: large.Add(48 * time.Hour), Until: large.Add(49 * time.Hour)},
		"no traffic":  {Since: large.Add(72 * time.Hour), Until: large.Add(73 * time.Hour)},
		"one service": {Since: since, Until: until, Port: []string{"53"}},
	} {
		s, err := summary.Make(t.Context(), db, q, 20)
		require.NoError(t, err)
		var page strings.Builder
		require.NoError(t, s.HTML(&page))
		pages[name] = page.String()
	}
	require.Contains(t, pages["232 groups"], `class="sankey"`)
	text, err := json.Marshal(pages) // which escapes < in strings
	require.NoError(t, err)
	dir := t.TempDir()
	file := filepath.Join(dir, "measure.html")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, measure, text), 0o600))
	output, err := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+filepath.Join(dir, "profile"),
		"--window-size=1700,3000", "--virtual-time-budget=20000", "--dump-dom", "file://"+file).Output()
	require.NoError(t, err)
	found := regexp.MustCompile(`<pre id="said">(.*?)</pre>`).FindSubmatch(output)
	require.NotNil(t, found)
	var said map[string][]string
	require.NoError(t, json.Unmarshal([]byte(html.UnescapeString(string(found[1]))), &said))
	require.Len(t, said, 3*len(pages))
	for of, what := range said {
		require.Empty(t, what, of)
	}
}
