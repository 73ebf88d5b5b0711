package units_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/units"
)

func TestSI(t *testing.T) {
	for want, number := range map[string]float64{
		"0 B": 0, "999 B": 999.4, "1.00 kB": 999.5, "1.00 MB": 999_600, "12.3 kB": 12_345, "123 GB": 123.4e9, "-1.50 kB": -1500, "18.4 EB": 18.4e18,
	} {
		require.Equal(t, want, units.SI(number, "B"))
	}
	require.Equal(t, "7", units.SI(7, ""))
	require.Equal(t, "7.00 k", units.SI(7000, ""))
}
