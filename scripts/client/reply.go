package client

import (
	"encoding/json"
	"errors"

	"minimega/shell/grammar"
)

// A Reply is what came of a command, or a part of it.
type Reply struct {
	Resp     []Response
	Rendered string // for people, as the client's settings have it; without errors

	suggest []string
}

// A Response is what one node answered.
type Response struct {
	Host     string
	Response string          // text
	Header   []string        // of a table; nil: there is none
	Tabular  [][]string      // its rows, each as long as Header
	Error    string          // "": it was done
	Data     json.RawMessage // the same for programs: null, any JSON, or bytes as a base64 string
}

// Bytes returns Data as the bytes that a part of `file stream` is. Its error is
// that of [json.Unmarshal] where Data is none.
func (r Response) Bytes() (b []byte, err error) {
	err = json.Unmarshal(r.Data, &b)
	return b, err
}

// Rows returns a table's rows by the names of their columns.
func (r Response) Rows() []map[string]string {
	rows := make([]map[string]string, 0, len(r.Tabular))
	for _, cells := range r.Tabular {
		row := make(map[string]string, len(r.Header))
		for i, name := range r.Header[:min(len(r.Header), len(cells))] {
			row[name] = cells[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// Quote returns word as a command takes it: as this one word, whatever is in it.
// $NAME in it stands for the node's variable all the same.
func Quote(word string) string { return grammar.Quote(word) }

// orBlank returns line as a request may have it: one that is empty asks nothing.
func orBlank(line string) string {
	if line == "" {
		return " "
	}
	return line
}

// request is what a client sends.
type request struct {
	Command string `json:",omitempty"`
	Suggest string `json:",omitempty"`
	Status  bool   // tell progress, and end the command when this client is gone
}

// wire is what a node sends.
type wire struct {
	Resp     []Response
	Rendered string
	More     bool
	Status   bool
	Suggest  []string
}

// reply returns w as a command's reply, with an error for each response that is
// one.
func (w wire) reply() (Reply, error) {
	var failed []error
	for _, r := range w.Resp {
		if r.Error != "" {
			failed = append(failed, &HostError{Host: r.Host, Text: r.Error})
		}
	}
	return Reply{Resp: w.Resp, Rendered: w.Rendered, suggest: w.Suggest}, errors.Join(failed...)
}
