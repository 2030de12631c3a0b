package transfer

import (
	"errors"
	"testing"
)

func TestAnOutboxThatNobodyEmptiesIsGivenUp(t *testing.T) {
	for name, add := range map[string]func(o *outbox, grow func([]byte) []byte){
		"aloud":   (*outbox).add,
		"quietly": (*outbox).addQuiet,
	} {
		o := newOutbox()
		for range 3 {
			add(o, func(b []byte) []byte { return append(b, make([]byte, maxOutbox/2)...) })
		}
		if _, err := o.take(nil); !errors.Is(err, errStuck) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
