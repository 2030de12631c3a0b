package shell

import (
	"context"
	"slices"
	"strings"
	"time"

	"minimega/completion"
)

// completeWithin is how long the prompt of -attach waits for a completion.
const completeWithin = 2 * time.Second

// complete returns what completes line at a cursor, as the program knows it for
// this conversation. It blocks for that at most some seconds, and knows nothing
// where the program does not answer or a command has not ended.
func (a *attached) complete(ctx context.Context, line string, cursor int) completion.Result {
	ctx, cancel := context.WithTimeout(ctx, completeWithin)
	defer cancel()
	found := completion.Result{Start: cursor}
	if talk := a.talk.Load(); talk != nil {
		_ = talk.askIdle(ctx, request{Complete: &line, Cursor: cursor, Status: true}, func(r incoming) { r.complete(cursor, &found) })
	}
	return orDisconnect(found, line[:cursor])
}

// orDisconnect adds to what may stand at the end of line the one word that is
// the client's own.
func orDisconnect(r completion.Result, line string) completion.Result {
	word := strings.TrimLeft(line, " ")
	if !strings.HasPrefix(disconnect, word) {
		return r
	}
	own := completion.Candidate{Text: disconnect, Help: "leave, and let the program run on"}
	at, _ := slices.BinarySearchFunc(r.Candidates, own, func(a, b completion.Candidate) int { return strings.Compare(a.Text, b.Text) })
	r.Candidates = slices.Insert(r.Candidates, at, own)
	r.Start, r.Insert = len(line)-len(word), word
	if len(r.Candidates) == 1 {
		r.Insert = disconnect + " "
	}
	return r
}
