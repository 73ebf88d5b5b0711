package summary

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/store"
)

func values(texts ...string) (list []store.Value) {
	for _, text := range texts {
		value, name, _ := strings.Cut(text, " ")
		list = append(list, store.Value{Value: value, Name: name})
	}
	return list
}

func TestWordsOfQuestions(t *testing.T) {
	masked := values("10.77.1.0 Team A", "10.77.2.0 Team B", "10.77.16.0 Team A", "2001:db8:1:: Six", "0.0.0.0/0", "192.168.4.0 Müller, Sons")
	networks := values("10.77.0.0/16 All teams", "10.77.1.0/24 Team A", "10.77.1.7/32", "2001:db8::/32", "::/0")
	for _, test := range []struct {
		list       []store.Value
		word, want string
		note       string // "" for none
	}{
		{masked, "10.77.1.0", "10.77.1.0", ""},
		{masked, "Team B", "10.77.2.0", ""},
		{masked, "team b", "10.77.2.0", ""},
		{masked, "Team A", "10.77.1.0 10.77.16.0", ""},
		{masked, "Müller, Sons", "192.168.4.0", ""},
		{masked, "Team B, 10.77.1.0,2001:db8:1::", "10.77.2.0 10.77.1.0 2001:db8:1::", ""},
		{masked, "10.77.1.0/24", "10.77.1.0", ""},
		{masked, "10.77.0.0/16", "10.77.1.0 10.77.2.0 10.77.16.0", ""},
		{masked, "10.77.9.9/16", "10.77.1.0 10.77.2.0 10.77.16.0", ""},
		{masked, "0.0.0.0/0", "0.0.0.0/0", ""}, // which is what floods are folded into
		{masked, "2001:db8:1::/48", "2001:db8:1::", ""},
		{masked, "10.77.2.200", "10.77.2.0", "-src 10.77.2.200: stored as part of 10.77.2.0, which is shown"},
		{masked, "10.77.2.0/28", "10.77.2.0", "-src 10.77.2.0/28: stored addresses look like those of networks of /24 or larger: what is found may hold more than was asked for"},
		{networks, "10.77.1.7", "10.77.1.7/32", "-src 10.77.1.7: stored as part of 10.77.1.7/32, which is shown"},
		{networks, "10.77.1.8", "10.77.1.0/24", "-src 10.77.1.8: stored as part of 10.77.1.0/24, which is shown"},
		{networks, "10.77.9.8", "10.77.0.0/16", "-src 10.77.9.8: stored as part of 10.77.0.0/16, which is shown"},
		{networks, "10.77.1.0/25", "10.77.1.7/32", "-src 10.77.1.0/25: what is stored as part of 10.77.1.0/24 is not shown"},
		{networks, "10.77.1.128/25", "", `-src 10.77.1.128/25: no such group: 10.77.1.0/24, which is stored, holds it and more`},
		{networks, "10.77.1.0/24", "10.77.1.0/24", ""},
		{networks, "10.0.0.0/8", "10.77.0.0/16 10.77.1.0/24 10.77.1.7/32", ""},
		{networks, "2001:db8::5", "2001:db8::/32", "-src 2001:db8::5: stored as part of 2001:db8::/32, which is shown"},
		{networks, "10.78.0.1", "", `-src "10.78.0.1": up to the end of this range, nothing is stored of a source of that name or address`},
		{masked, "10.77.3.9", "", `-src "10.77.3.9": up to the end of this range, nothing is stored of a source of that name or address; did you mean "10.77.1.0"?`},
		{masked, "10.99.0.0/16", "", "-src 10.99.0.0/16: no such group: nothing that is stored is within it"},
		{masked, "Taem B", "", `-src "Taem B": up to the end of this range, nothing is stored of a source of that name or address; did you mean "Team B"?`},
		{masked, "Team A,", "", `-src "": up to`},
		{nil, "10.77.1.0", "", `-src "10.77.1.0": up to`},
	} {
		found, note, err := newStored("src", test.list).meant(test.word)
		if test.want == "" {
			require.ErrorContains(t, err, test.note, test.word)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, test.want, strings.Join(found, " "), test.word)
		require.Equal(t, test.note, note)
	}
	found, _, err := newStored("host", values("10.0.0.1", "gw1")).meant("GW1")
	require.NoError(t, err)
	require.Equal(t, []string{"gw1"}, found)
	_, _, err = newStored("host", values("10.0.0.1", "gw1")).meant("10.0.0.0/8")
	require.ErrorContains(t, err, "a gateway of that name")
}
