package transfer

import (
	"context"
	"errors"
	"testing"
)

func TestTheHeadsVersionIsTakenWhereNodesDiffer(t *testing.T) {
	fab := newFabric(t)
	one, two := random(1, 100_000), random(2, 100_000)
	a, b, c := fab.add("kn1", ""), fab.add("kn2", ""), fab.add("kn3", "")
	c.engine.cfg.Head = "kn2"
	a.put("foo", one)
	b.put("foo", two)
	a.put("only", one)
	c.wait(c.get("foo"))
	c.has("foo", two)
	c.wait(c.get("only")) // which the head does not have
	c.has("only", one)
	j, err := c.engine.Get(context.Background(), "foo", Pick{From: "kn1"})
	if err != nil {
		t.Fatal(err)
	}
	c.wait(j)
	if j = c.get("foo"); len(j.Warnings) != 1 { // what is here is used as it is
		t.Errorf("warnings are %q, want one", j.Warnings)
	}
	c.wait(j)
	c.has("foo", one)

	d := fab.add("kn4", "")
	d.engine.cfg.Head = "kn9" // which is away
	var conflict *ConflictError
	if _, err := d.engine.Get(context.Background(), "foo", Pick{}); !errors.As(err, &conflict) {
		t.Errorf("error is %v, want a conflict", err)
	}
}
