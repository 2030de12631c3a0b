package output

import "encoding/json"

// A Response is what one node answered to one command. Its JSON form is part
// of the socket's protocol: every key is always present.
type Response struct {
	Host     string
	Response string     // text
	Header   []string   // of a table; nil: no table
	Tabular  [][]string // rows as long as Header; empty, not nil, in an empty table
	Error    string     // "" is success
	Data     any        // the same for programs; any JSON

	Bare bool `json:"-"` // the text is printed without the host in front
}

// Responses are what all nodes answered to one command.
type Responses []Response

// Failed reports whether any of r is an error.
func (r Responses) Failed() bool {
	for i := range r {
		if r[i].Error != "" {
			return true
		}
	}
	return false
}

// JSON returns r as one line; what JSON cannot carry becomes an error in it.
func (r Responses) JSON() string {
	b, err := json.Marshal(r)
	if err != nil {
		b, _ = json.Marshal(Responses{{Error: err.Error()}})
	}
	return string(b)
}
