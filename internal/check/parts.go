package check

import "context"

// A Part finds out some facts. It may run on after its context has ended: a call to a
// file system that does not answer cannot be cancelled.
type Part struct {
	Name string // of what is found when it takes too long
	Find func(context.Context) []Finding
}

// All runs parts at once until the context ends, and returns their findings in the
// order of the parts.
func All(ctx context.Context, parts ...Part) (all []Finding) {
	results := make([]chan []Finding, len(parts))
	for i, part := range parts {
		results[i] = make(chan []Finding, 1)
		go func() { results[i] <- part.Find(ctx) }() // not waited for once ctx has ended
	}
	for i, part := range parts {
		all = append(all, await(ctx, part.Name, results[i])...)
	}
	return all
}

func await(ctx context.Context, name string, result <-chan []Finding) []Finding {
	select {
	case findings := <-result:
		return findings
	case <-ctx.Done():
	}
	select {
	case findings := <-result: // in time, while we waited for another
		return findings
	default:
		return []Finding{Failf(name, "there was no answer in time")}
	}
}
