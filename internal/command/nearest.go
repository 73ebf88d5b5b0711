package command

import "strings"

// Nearest returns the name that takes the fewest edits, if that is no more than
// about a third of its letters.
func Nearest(unknown string, names []string) string {
	best, least := "", len(unknown)
	for _, name := range names {
		if n := edits(strings.ToLower(unknown), name); n < least && n <= (len(name)+1)/3 {
			best, least = name, n
		}
	}
	return best
}

// edits counts the letters to insert, remove or replace to get from a to b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0]++
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
