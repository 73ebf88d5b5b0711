package lines_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/lines"
)

func TestReader(t *testing.T) {
	const text = "# c\na f=\"x\ny\" 1\n\nb f=1i 2\nc f=1i 3"
	for _, in := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
		r := lines.NewReader(in)
		var entries []string
		var numbers []int
		for {
			e, err := r.Next()
			if err != nil {
				require.ErrorIs(t, err, io.EOF)
				break
			}
			entries, numbers = append(entries, string(e.Text)), append(numbers, r.Line())
			require.Equal(t, string(e.Text) == "c f=1i 3", errors.Is(e.Err, lines.ErrCut), "a number may be cut short")
		}
		require.Equal(t, []string{"# c", "a f=\"x\ny\" 1", "", "b f=1i 2", "c f=1i 3"}, entries)
		require.Equal(t, []int{1, 2, 4, 5, 6}, numbers)
	}

	disk := errors.New("input/output error")
	r := lines.NewReader(io.MultiReader(strings.NewReader("a f=1i 1\nb f=1i"), iotest.ErrReader(disk)))
	_, err := r.Next()
	require.NoError(t, err)
	_, err = r.Next()
	require.ErrorIs(t, err, disk, "what is behind it is not known")
}
