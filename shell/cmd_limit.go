package shell

import (
	"context"
	"fmt"

	"minimega/completion"
)

// limitCommand bounds the rate of transfers.
func limitCommand() Command {
	return Command{
		Patterns: []string{"file limit [rate]"},
		Yields:   true, // `file l` has always been file list
		Help:     "show or set how fast files are sent and received",
		Long: "Bounds what this node sends of files to all others together, and what it receives of them\n" +
			"and from URLs together, each to that many bytes (10MB, 10MiB, 500kB) or bits (80Mbit, 1Gbit)\n" +
			"a second; off, the default, ends that. Running transfers follow at once. Commands and the\n" +
			"mesh are not limited, and neither is what this node passes on between nodes that cannot\n" +
			"reach each other. Counted is what travels: what compression saves is not. It is not kept\n" +
			"over a restart.",
		Example: "file limit 10MB\nfile limit 80Mbit\nfile limit off",
		Words: map[string][]completion.Candidate{"rate": {
			{Text: "off", Help: "no limit"}, {Text: "10MB", Help: "bytes a second"}, {Text: "80Mbit", Help: "bits a second"},
		}},
		Run: fileLimit,
	}
}

func fileLimit(_ context.Context, c *Call) error {
	text, given := c.Values["rate"]
	if !given || text == "" {
		c.Text(rateText(c.shell.cfg.Files.Limit()))
		return nil
	}
	n, err := parseRate(text)
	if err == nil {
		err = c.shell.cfg.Files.SetLimit(n)
	}
	if err != nil {
		return fmt.Errorf("file limit: %w", err)
	}
	return nil
}
