package writeapi

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
)

// unpacked returns the body of a request, without its encoding.
func unpacked(r *http.Request) (io.Reader, error) {
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
		return r.Body, nil
	case "gzip":
		body, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, readError(err)
		}
		return body, nil
	default:
		return nil, unavailable(fmt.Errorf("content encoding %q is not known here: use gzip or identity", encoding))
	}
}

// limited reads a body that must not have more than so many bytes.
type limited struct {
	io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if l.left -= int64(n); l.left >= 0 {
		return n, err
	}
	// A client that is still writing would not see the answer.
	const patience = 256 << 20
	_, _ = io.CopyN(io.Discard, l.Reader, patience)
	return 0, &answer{http.StatusRequestEntityTooLarge, fmt.Errorf("the body is larger than max_body: send it in parts")}
}
