package writeapi

import (
	"sync"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/printable"
)

// troubles logs what is wrong with a client once, until it is over or something else.
type troubles struct {
	telegraf.Logger

	mu sync.Mutex
	of map[string]string
}

// troubledClients bounds the memory: strangers come from any number of addresses.
const troubledClients = 1000

func newTroubles(log telegraf.Logger) *troubles {
	return &troubles{Logger: log, of: make(map[string]string)}
}

func (t *troubles) log(who string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := printable.Line(err.Error())
	if t.of[who] == text {
		return
	}
	if _, known := t.of[who]; !known && len(t.of) >= troubledClients {
		return
	}
	t.of[who] = text
	t.Warnf("%s is refused: %s", printable.Line(who), text)
}

func (t *troubles) over(who string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, had := t.of[who]; had {
		delete(t.of, who)
		t.Infof("%s delivers again", printable.Line(who))
	}
}
