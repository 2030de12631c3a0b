package output

// Settings tell how responses are rendered.
type Settings struct {
	Annotate bool // tables have a host column, texts the host in front
	Headers  bool // tables have a header row
	Sort     bool // rows are sorted
	Compress bool // equal texts of several hosts are printed once
	CSV      bool // tables as comma-separated values; never with JSON
	JSON     bool // everything as JSON

	Columns []string // to print, in this order; nil: all
	Filters []Filter // rows must pass all

	Condense func(hosts []string) string // the short form of a list; nil: joined by commas
}

// Defaults returns the settings that a session begins with.
func Defaults() Settings {
	return Settings{Annotate: true, Headers: true, Sort: true, Compress: true}
}
