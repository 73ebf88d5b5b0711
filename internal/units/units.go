// Package units writes numbers with SI prefixes, in three digits.
package units

import (
	"fmt"
	"math"
)

// SI returns a number of a unit, such as "1.23 kB" or "45.6 M": without a unit if that is
// "", and without a fraction below 1000.
func SI(n float64, unit string) string {
	const prefixes = "kMGTPE"
	prefix := ""
	for i := 0; i < len(prefixes) && math.Abs(n) >= 999.5; i++ {
		n /= 1000
		prefix = prefixes[i : i+1]
	}
	text := fmt.Sprintf("%.0f", n)
	if prefix != "" {
		text = fmt.Sprintf("%.*f", max(0, 2-int(math.Log10(math.Abs(n)))), n)
	}
	if unit == "" && prefix == "" {
		return text
	}
	return text + " " + prefix + unit
}
