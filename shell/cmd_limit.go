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
		Help:     "show or set how fast files are sent and received",
		Long: "Bounds what this node sends of files to all others together, and what it receives of them\n" +
			"together, each to that many bytes (10MB, 10MiB, 500kB) or bits (80Mbit, 1Gbit) a second; off,\n" +
			"the default, ends that. Running transfers follow at once. Commands and the mesh are not\n" +
			"limited, and neither is what this node passes on between nodes that cannot reach each other.\n" +
			"Counted is what travels: what compression saves is not. It is not kept over a restart.",
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
