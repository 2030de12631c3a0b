package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestEveryErrorKeepsItsClass(t *testing.T) {
	for code, sentinel := range codes {
		if got := CodeOf(sentinel); got != Code(code) {
			t.Errorf("%v has code %d, not %d", sentinel, got, code)
		}
		if sentinel == nil {
			continue
		}
		if wrapped := fmt.Errorf("x: %w", sentinel); CodeOf(wrapped) != Code(code) {
			t.Errorf("wrapped %v has code %d", sentinel, CodeOf(wrapped))
		}
		if remote := (&RemoteError{Code: Code(code), Text: "x"}); !errors.Is(remote, sentinel) {
			t.Errorf("code %d is not %v", code, sentinel)
		}
	}
	if CodeOf(errors.New("x")) != CodeOf(ErrInternal) || !errors.Is(&RemoteError{Code: 9999}, ErrInternal) {
		t.Error("an unknown failure is no internal error")
	}
}

func TestHostileCBORIsRefused(t *testing.T) {
	for name, in := range map[string]string{
		"deep":              strings.Repeat("\x81", 20) + "\x00",
		"long array":        "\x9a\x3b\x9a\xca\x00",
		"long string":       "\x7a\xff\xff\xff\xff",
		"doubled key":       "\xa2\x01\x01\x01\x02",
		"indefinite length": "\x9f\xff",
		"tag":               "\xc0\x60",
		"more":              "\xa0\xa0",
		"nothing":           "",
	} {
		var v any
		if err := Unmarshal([]byte(in), &v); err == nil {
			t.Errorf("%s: decoded as %v", name, v)
		}
	}
}

func TestFieldsOverTheirLimitsAreRefused(t *testing.T) {
	state := LinkState{ID: NodeID{1}, Seq: 1, Name: "a"}
	change := func(f func(*LinkState)) *LinkStates {
		s := state
		f(&s)
		return &LinkStates{States: []LinkState{s}}
	}
	for name, c := range map[string]struct {
		t       Type
		payload any
	}{
		"method":    {TypeCall, &Call{Method: strings.Repeat("m", MaxMethod+1)}},
		"call body": {TypeCall, &Call{Body: make([]byte, MaxCallBody+1)}},
		"way":       {TypeCall, &Call{Way: make([]NodeID, MaxHops+1)}},
		"way back":  {TypeAnswer, &Answer{Way: make([]NodeID, MaxHops+1)}},
		"within":    {TypeCall, &Call{Within: -1}},
		"answer":    {TypeAnswer, &Answer{Body: make([]byte, MaxAnswerPart+1)}},
		"service":   {TypeStream, &Stream{Service: strings.Repeat("s", MaxMethod+1)}},
		"context":   {TypeHello, &Hello{Protocol: 1, Name: "a", Context: strings.Repeat("c", MaxContext+1)}},
		"name":      {TypeHello, &Hello{Protocol: 1, Name: "\x1b[31m"}},
		"no id":     {TypeLinkStates, change(func(s *LinkState) { s.ID = NodeID{} })},
		"no seq":    {TypeLinkStates, change(func(s *LinkState) { s.Seq = 0 })},
		"bad name":  {TypeLinkStates, change(func(s *LinkState) { s.Name = "a b" })},
		"address":   {TypeLinkStates, change(func(s *LinkState) { s.Addrs = []string{"evil.example"} })},
		"addresses": {TypeLinkStates, change(func(s *LinkState) { s.Addrs = make([]string, MaxAddrs+1) })},
		"peers":     {TypeLinkStates, change(func(s *LinkState) { s.Peers = make([]NodeID, MaxPeers+1) })},
	} {
		b, err := Marshal(c.payload)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeControl(c.t, b); err == nil {
			t.Errorf("%s passed", name)
		}
	}
	if b, err := Marshal(change(func(*LinkState) {})); err != nil {
		t.Error(err)
	} else if _, err := DecodeControl(TypeLinkStates, b); err != nil {
		t.Errorf("a good state: %v", err)
	}
	if v, err := DecodeControl(200, []byte("junk")); v != nil || err != nil {
		t.Errorf("an unknown type is not skipped: %v, %v", v, err)
	}
}
