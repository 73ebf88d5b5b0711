package lines_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/lines"
)

func TestTagsAndFieldsAreBounded(t *testing.T) {
	pairs := func(n int) string {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, ",%04d=1", i)
		}
		return text.String()
	}
	for _, c := range []struct {
		tags, fields int
		refused      bool
	}{{999, 1, false}, {0, 1000, false}, {10, 990, false}, {1000, 1, true}, {0, 1001, true}, {500, 501, true}, {150_000, 1, true}} {
		m, err := lines.Decode([]byte("a"+pairs(c.tags)+" "+strings.TrimPrefix(pairs(c.fields), ",")+" 1"), time.Time{})
		if c.refused {
			require.EqualError(t, err, "has more than 1000 tags and fields", "%d, %d", c.tags, c.fields)
			continue
		}
		require.NoError(t, err)
		require.Len(t, m.TagList(), c.tags)
		require.Len(t, m.FieldList(), c.fields)
	}
}
