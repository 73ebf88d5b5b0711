package accounting

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a flood took is given back after it.
func TestMemoryComesBack(t *testing.T) {
	const many = 100_000
	cfg := testConfig(t)
	cfg.MaxSeries, cfg.Translated = many, true
	tr := started(cfg)
	quiet := func(from float64) {
		for n := range 6 {
			f := flowOf(1, protoTCP, uint64(1000+n))
			dump(tr, from+15*float64(n), f)
			take(tr)
		}
	}
	quiet(0)
	before := heap()

	flows := make([]Flow, many)
	for i := range flows {
		f := flowOf(uint32(i+2), protoTCP, 40)
		f.TCPState = TCPClose
		f.Orig.Src, f.Reply.Src = v4(172, byte(i>>16), byte(i>>8), byte(i)), v4(10, 0, 0, 3)
		tr.OnClose(&f, at(90))
		flows[i] = f
	}
	dump(tr, 100, flows...)
	for i := range flows[:many/2] { // before the series are taken
		tr.OnDestroy(&flows[i], at(101))
	}
	take(tr)
	for i := range flows[many/2:] { // and after it
		tr.OnDestroy(&flows[many/2+i], at(102))
	}
	flows = nil
	require.Greater(t, heap()-before, 10<<20, "what a flood takes")
	quiet(110)
	require.Less(t, heap()-before, 2<<20, "what is left of it")
	runtime.KeepAlive(tr)
}

// heap returns how many bytes are in use.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
