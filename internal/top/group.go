package top

// group is one of what rows can be of.
type group struct{ by, key, title string }

var groups = []group{
	{"src", "s", "source"}, {"dst", "d", "destination"}, {"service", "e", "service"}, {"pair", "p", "source → destination"},
}

// orders are what the greatest can be told by.
var orders = []string{"bytes", "packets", "connections"}

// Groups returns the values of Question.By.
func Groups() (list []string) {
	for _, g := range groups {
		list = append(list, g.by)
	}
	return list
}

// Orders returns the values of Question.Sort.
func Orders() []string { return orders }

// byKey returns what a key chooses, or "".
func byKey(key string) string {
	for _, g := range groups {
		if g.key == key {
			return g.by
		}
	}
	return ""
}

// titleOf says what rows are of.
func titleOf(by string) string {
	for _, g := range groups {
		if g.by == by {
			return g.title
		}
	}
	return by
}
