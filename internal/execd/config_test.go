package execd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"
)

type settingsOfTest struct {
	Source    []string        `toml:"source"`
	MaxSeries int             `toml:"max_series"`
	Buffer    config.Size     `toml:"receive_buffer"`
	Every     config.Duration `toml:"every"`
	Account   bool            `toml:"account"`
	Mark      string          `toml:"mark"`
	Limits    struct {
		Soft config.Size `toml:"soft"`
	} `toml:"limits"`
	Log any `toml:"-"`
}

func TestLoadConfig(t *testing.T) {
	t.Parallel()
	want := settingsOfTest{
		Source: []string{"10.0.0.0/8", "${x}"}, MaxSeries: 1_000_000, Buffer: 64 << 20,
		Every: config.Duration(36 * time.Hour), Account: true, Mark: "0x1",
	}
	want.Limits.Soft = 1_000_000
	path := filepath.Join(t.TempDir(), "x.conf")
	require.NoError(t, os.WriteFile(path, []byte(`
# ${NOT_SET} in a comment is no reference
[[inputs.test]]
  source = ["${NET}", "$${x}"] # nor ${HERE}
  max_series = 1_000_000
  receive_buffer = "64MiB"
  every = "1d12h"
  account = true
  mark = "${MARK:-0x1}"
  [inputs.test.limits]
    soft = "${SIZE:-1MB}"
`), 0o600))
	env := map[string]string{"NET": "10.0.0.0/8", "MARK": ""}
	var got settingsOfTest
	require.NoError(t, LoadConfig(path, "inputs", "test", lookupIn(env), &got))
	require.Equal(t, want, got)
}

func TestConfigKeepsDefaults(t *testing.T) {
	t.Parallel()
	got := settingsOfTest{MaxSeries: 7, Mark: "kept"}
	require.NoError(t, decodeConfig("x.conf", "[[inputs.test]]\nmark='set'\nreceive_buffer=5\nevery=2.5", "inputs", "test", os.LookupEnv, &got))
	require.Equal(t, settingsOfTest{MaxSeries: 7, Mark: "set", Buffer: 5, Every: config.Duration(2500 * time.Millisecond)}, got)
}

func TestConfigErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"empty":         {"", `x.conf: there is no [[inputs.test]] table`},
		"syntax":        {"[[inputs.test]]\nmax_series = = 3\n", `x.conf: line 2 (last key "inputs.test.max_series"): expected value but found '=' instead`},
		"bare variable": {"[[inputs.test]]\nmax_series = ${MAX}\n", `x.conf: line 2 (last key "inputs.test.max_series"): expected value but found '$' instead; an environment variable must stand in quotes, as in "${VAR}"`},
		"twice":         {"[[inputs.test]]\nmark = ''\nmark = ''\n", `x.conf: line 3 (last key "inputs.test.mark"): Key 'inputs.test.mark' has already been defined.`},
		"type": {
			"[[inputs.test]]\n\n  max_series = 'many'\n",
			`x.conf: line 3 (last key "inputs.test.max_series"): incompatible types: TOML value has type string; destination has type integer`,
		},
		"element": {
			"[[inputs.test]]\nsource = [\n'a',\n3]\n",
			`x.conf: line 2 (last key "inputs.test.source"): incompatible types: TOML value has type int64; destination has type string`,
		},
		"duration": {
			"[[inputs.test]]\n\nevery = 'soon'",
			`x.conf: line 3 (last key "inputs.test.every"): time: invalid duration "soon"`,
		},
		"size": {
			"[[inputs.test]]\nreceive_buffer = '64 elephants'",
			`x.conf: line 2 (last key "inputs.test.receive_buffer"): units: unknown unit  elephants in 64 elephants`,
		},
		"unknown":       {"[[inputs.test]]\n# c\nfoo = 1\n", `x.conf: line 3: unknown key "foo"`},
		"near miss":     {"[[inputs.test]]\nmaxseries = 1\n", `x.conf: line 2: unknown key "maxseries"; did you mean "max_series"?`},
		"two unknown":   {"[[inputs.test]]\nsorce = 1\nfoo = 1\n", "x.conf: line 2: unknown key \"sorce\"; did you mean \"source\"?\nx.conf: line 3: unknown key \"foo\""},
		"unknown table": {"[[inputs.test]]\n[inputs.test.foo]\na = 1\nb = 1\n", `x.conf: line 2: unknown table [inputs.test.foo]`},
		"unknown inner": {"[[inputs.test]]\n[inputs.test.limits]\nsoft = 1\nhard = 1\n", `x.conf: line 4: unknown key "hard"`},
		"inline":        {"[[inputs.test]]\nlimits = { soft = 1, hard = 2 }\n", `x.conf: line 2: unknown key "hard"`},
		"telegraf's":    {"[[inputs.test]]\nname_override = 'traffic'\n", `x.conf: line 2: unknown key "name_override": it is a setting of Telegraf, and belongs in the [[inputs.execd]] table of telegraf.conf`},
		"tags":          {"[[inputs.test]]\n[inputs.test.tags]\nhost = 'a'\n", `x.conf: line 2: unknown table [inputs.test.tags]: it is a setting of Telegraf, and belongs in the [[inputs.execd]] table of telegraf.conf`},
		"second table":  {"[[inputs.test]]\n\n[[inputs.test]]\n", `x.conf: line 3: a second [[inputs.test]] table: one process runs one plugin; give another one a file of its own`},
		"other plugin":  {"[[inputs.test]]\n[[inputs.cpu]]\n", `x.conf: line 2: unexpected table [[inputs.cpu]]: this file holds one [[inputs.test]] table and nothing else; settings of Telegraf itself belong in telegraf.conf`},
		"agent":         {"[agent]\ninterval = '1s'\n[[inputs.test]]\n", `x.conf: line 1: unexpected table [agent]: this file holds one [[inputs.test]] table and nothing else; settings of Telegraf itself belong in telegraf.conf`},
		"no table":      {"mark = 'a'\n", `x.conf: line 1: unexpected key "mark": this file holds one [[inputs.test]] table and nothing else; settings of Telegraf itself belong in telegraf.conf`},
		"output":        {"[[outputs.test]]\n", `x.conf: line 1: unexpected table [[outputs.test]]: this file holds one [[inputs.test]] table and nothing else; settings of Telegraf itself belong in telegraf.conf`},
		"single":        {"\n[inputs.test]\n", `x.conf: line 2: the plugin's table must begin with [[inputs.test]]`},
		"no plugin":     {"[inputs]\n", `x.conf: there is no [[inputs.test]] table`},
		"not a table":   {"inputs = 3\n", `x.conf: there is no [[inputs.test]] table`},
		"static array":  {"inputs.test = [3]\n", `x.conf: line 1: the plugin's table must begin with [[inputs.test]]`},
		"undefined": {
			"[[inputs.test]]\n# ${A}\nsource = ['b', '${B}']\n",
			`x.conf: line 3: key "source": environment variable B is not set; set it, or give a default as in ${B:-default}`,
		},
		"undefined inside": {
			"[[inputs.test]]\n[inputs.test.limits]\nsoft = '1${UNIT}'\n",
			`x.conf: line 3: key "soft": environment variable UNIT is not set; set it, or give a default as in ${UNIT:-default}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := decodeConfig("x.conf", c.text, "inputs", "test", lookupIn(nil), &settingsOfTest{})
			require.EqualError(t, err, c.want)
		})
	}
}

func TestConfigUnreadable(t *testing.T) {
	t.Parallel()
	err := LoadConfig("/nowhere/x.conf", "inputs", "test", os.LookupEnv, &settingsOfTest{})
	require.EqualError(t, err, "reading the configuration: open /nowhere/x.conf: no such file or directory")
}

func lookupIn(env map[string]string) LookupEnv {
	return func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
}

func FuzzConfig(f *testing.F) {
	f.Add("[[inputs.test]]\nsource = ['a', '${B:-c}']\nlimits.soft = '1MB'\n")
	f.Add("[[inputs.test]]\nlimits = { soft = 1, hard = [{a=1}, {b=2}] }\nfoo.bar.baz = 1\n")
	f.Add("inputs.test = [{mark = '$${'}]\n[[inputs.test.x]]\n[[inputs.test.x.y]]\nz=1")
	f.Add("[agent]\n'' = 1\n[[''.'']]\n")
	f.Fuzz(func(t *testing.T, text string) {
		err := decodeConfig("x.conf", text, "inputs", "test", lookupIn(nil), &settingsOfTest{})
		if err != nil {
			require.True(t, strings.HasPrefix(err.Error(), "x.conf: "), "%q", err)
		}
	})
}
