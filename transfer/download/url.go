package download

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"minimega/mesh/wire"
)

// ErrBadURL reports a URL that names no file as this package wants it.
var ErrBadURL = errors.New("bad URL")

// maxURL is the longest URL, in bytes.
const maxURL = 4096

// A URL names a file outside the mesh, and where it lies inside.
type URL struct {
	Name wire.FileName // below the files directory

	target url.URL       // without credentials and fragment
	user   *url.Userinfo // nil: none
}

// String returns the URL without credentials.
func (u URL) String() string { return u.target.String() }

// source tells other nodes which URL it is, unless it has credentials: who has
// others may have better luck.
func (u URL) source() string {
	if u.user != nil {
		return ""
	}
	return u.String()
}

// ParseURL returns raw as a URL. Its errors wrap [ErrBadURL] or
// wire.ErrBadName, and show no credentials.
func ParseURL(raw string) (URL, error) {
	if len(raw) > maxURL {
		return URL{}, fmt.Errorf("%w: must be at most %d bytes, but is %d", ErrBadURL, maxURL, len(raw))
	}
	parsed, err := url.Parse(raw)
	if err != nil || parsed.Opaque != "" || parsed.Hostname() == "" {
		return URL{}, fmt.Errorf("%w: must be http://HOST/PATH or https://HOST/PATH", ErrBadURL)
	}
	u := URL{target: *parsed, user: parsed.User}
	u.target.User, u.target.Fragment, u.target.RawFragment = nil, "", ""
	if err := u.check(); err != nil {
		return URL{}, err
	}
	u.Name, err = wire.ParseFileName(u.target.Path)
	if err == nil && u.Name == "" {
		err = fmt.Errorf("%w: %s: must name a file", ErrBadURL, u)
	}
	return u, err
}

// check refuses what could be mistaken for another file, or for several.
func (u URL) check() error {
	switch {
	case u.target.Scheme != "http" && u.target.Scheme != "https":
		return fmt.Errorf("%w: must begin with http:// or https://", ErrBadURL)
	case u.target.RawQuery != "" || u.target.ForceQuery:
		bare := u.target
		bare.RawQuery, bare.ForceQuery = "", false
		return fmt.Errorf("%w: %s: must have no query (?…): download it with another program into the files directory", ErrBadURL, &bare)
	case strings.Contains(strings.ToLower(u.target.EscapedPath()), "%2f"):
		return fmt.Errorf("%w: %s: must not hold an escaped slash (%%2F)", ErrBadURL, u)
	case strings.HasSuffix(u.target.Path, "/"):
		return fmt.Errorf("%w: %s: must name a file, but ends in a slash", ErrBadURL, u)
	case strings.ContainsAny(u.target.Path, `*?[\`):
		return fmt.Errorf(`%w: %s: must not hold *, ?, [ or \ in its path`, ErrBadURL, u)
	}
	return nil
}
