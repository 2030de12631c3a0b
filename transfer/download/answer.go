package download

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// Failures that are the server's.
var (
	ErrBadAnswer = errors.New("bad answer")
	ErrRedirect  = errors.New("bad redirect")
)

// StatusError is an answer that holds no file. It is written as in
// "404 Not Found".
type StatusError int

// Error returns the code and what it is called, not what the server calls it.
func (e StatusError) Error() string {
	return strings.TrimSpace(strconv.Itoa(int(e)) + " " + http.StatusText(int(e)))
}

// errStale says that nothing of what is held can be gone on with.
var errStale = errors.New("the server has no such range any more")

const maxTag = 1024 // bytes of an entity tag

// part says what the body of an answer is.
type part struct {
	fresh bool        // it begins the file; otherwise it goes on where held ends
	stamp store.Stamp // of the file
	size  int64       // bytes of the body; -1: not known
}

// A span is what is asked for of a file, in bytes: from the first to before the
// second, which is -1 for the end of the file.
type span struct{ from, to int64 }

// all reports that no range is asked for.
func (s span) all() bool { return s.from == 0 && s.to < 0 }

// String returns the span as a Range has it.
func (s span) String() string {
	if s.to < 0 {
		return fmt.Sprintf("bytes=%d-", s.from)
	}
	return fmt.Sprintf("bytes=%d-%d", s.from, s.to-1)
}

// judge tells what resp has to do with what was asked for of the file name.
// Errors: a [StatusError], errStale, or one that wraps [ErrBadAnswer].
func judge(resp *http.Response, name wire.FileName, asked span, stamp store.Stamp) (part, error) {
	switch {
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && !asked.all():
		return part{}, errStale
	case resp.StatusCode != http.StatusOK && (resp.StatusCode != http.StatusPartialContent || asked.all()):
		if resp.StatusCode == http.StatusPartialContent {
			return part{}, fmt.Errorf("%w: a part, but all was asked for", ErrBadAnswer)
		}
		return part{}, StatusError(resp.StatusCode)
	}
	if err := asItIs(name, resp.Header.Get("Content-Encoding")); err != nil {
		return part{}, err
	}
	if resp.StatusCode == http.StatusPartialContent {
		return judgePart(resp, asked, stamp)
	}
	untilClose := resp.ContentLength < 0 && resp.ProtoMajor < 2 && len(resp.TransferEncoding) == 0
	if untilClose {
		return part{}, fmt.Errorf("%w: it tells no length, so that nobody knows when it is whole", ErrBadAnswer)
	}
	return part{fresh: true, stamp: stampOf(resp), size: resp.ContentLength}, nil
}

// judgePart judges an answer to a range request that says it goes on.
func judgePart(resp *http.Response, asked span, stamp store.Stamp) (part, error) {
	total, err := contentRange(resp.Header.Get("Content-Range"), asked)
	if err != nil {
		return part{}, err
	}
	if asked.to < 0 {
		asked.to = total
	}
	switch rest := asked.to - asked.from; {
	case stamp.Size >= 0 && total != stamp.Size:
		return part{}, fmt.Errorf("%w: the file has %d bytes now, but had %d", ErrBadAnswer, total, stamp.Size)
	case resp.ContentLength >= 0 && resp.ContentLength != rest:
		return part{}, fmt.Errorf("%w: %d bytes of content for a range of %d", ErrBadAnswer, resp.ContentLength, rest)
	case !sameTag(resp.Header, stamp.Tag):
		return part{}, fmt.Errorf("%w: a part of another version of the file", ErrBadAnswer)
	default:
		stamp.Size = total
		return part{stamp: stamp, size: rest}, nil
	}
}

// contentRange returns the total of a Content-Range that is what was asked for.
func contentRange(value string, asked span) (total int64, err error) {
	rest, ok := strings.CutPrefix(value, "bytes ")
	span, size, ok2 := strings.Cut(rest, "/")
	first, last, ok3 := strings.Cut(span, "-")
	from, err1 := decimal(first)
	to, err2 := decimal(last)
	total, err3 := decimal(size)
	end, last := asked.to, "the last"
	if end < 0 {
		end = total
	} else {
		last = strconv.FormatInt(end-1, 10)
	}
	if !ok || !ok2 || !ok3 || errors.Join(err1, err2, err3) != nil || from != asked.from || to != end-1 || from > to || to >= total {
		return 0, fmt.Errorf("%w: content range %.80q: must be bytes %d to %s", ErrBadAnswer, value, asked.from, last)
	}
	return total, nil
}

// decimal reads digits alone.
func decimal(s string) (int64, error) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(s, 10, 64)
}

// sameTag reports whether a part is of what tag stands for: an entity tag must
// be repeated, a time need not be.
func sameTag(h http.Header, tag string) bool {
	if strings.HasPrefix(tag, `"`) {
		return h.Get("ETag") == tag
	}
	modified := h.Get("Last-Modified")
	return modified == "" || modified == tag
}

// stampOf returns what resp says of the file that it is.
func stampOf(resp *http.Response) store.Stamp {
	s := store.Stamp{Size: resp.ContentLength}
	modified, err := http.ParseTime(resp.Header.Get("Last-Modified"))
	if err == nil {
		s.Modified = modified.UnixNano()
	}
	etag := resp.Header.Get("ETag")
	if len(etag) >= 2 && len(etag) <= maxTag && etag[0] == '"' && etag[len(etag)-1] == '"' && !strings.Contains(etag[1:len(etag)-1], `"`) {
		s.Tag = etag
		return s
	}
	// A file can change twice in one second: RFC 9110, 8.8.2.2.
	if date, derr := http.ParseTime(resp.Header.Get("Date")); err == nil && derr == nil && date.Sub(modified) >= time.Second {
		s.Tag = resp.Header.Get("Last-Modified")
	}
	return s
}
