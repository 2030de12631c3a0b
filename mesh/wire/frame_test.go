package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// golden are frames as they cross the network: each line is bytes in hex and, behind '#',
// what they mean. They never change but by a new protocol version.
var golden = []struct {
	name    string
	t       Type
	payload any
	bytes   string
}{
	{"hello", TypeHello, &Hello{Protocol: 1, Name: "kn1", Context: "lab", Port: 9000}, `
		00000011 01                                # 17 bytes, type 1
		a4                                         # map of 4
		01 01                                      # protocol 1
		02 63 6b6e31                               # name "kn1"
		03 63 6c6162                               # context "lab"
		04 192328                                  # port 9000`},
	{"reject", TypeReject, &Reject{Code: 8, Text: "no"}, `
		00000007 02                                # 7 bytes, type 2
		a2 01 08                                   # code 8, another context
		02 62 6e6f                                 # text "no"`},
	{"ping", TypePing, &Ping{Seq: 7, Digest: 0x0102030405060708}, `
		0000000d 03                                # 13 bytes, type 3
		a2 01 07                                   # seq 7
		02 1b 0102030405060708                     # digest`},
	{"link states", TypeLinkStates, &LinkStates{States: []LinkState{{
		ID: NodeID{0xaa}, Seq: 2, Name: "a", Peers: []NodeID{{0xbb}}, Addrs: []string{"::1"}, Port: 1, Want: 4,
	}}}, `
		0000003c 05
		a1 01 81 a9                                # one state of 9 fields
		01 50 aa000000000000000000000000000000     # id
		02 02                                      # seq 2
		03 61 61                                   # name "a"
		04 81 50 bb000000000000000000000000000000 # one peer
		05 81 63 3a3a31                            # one address "::1"
		06 01                                      # port 1
		07 04                                      # wants 4 links
		08 f4                                      # has not left
		09 f6                                      # none silent`},
	{"summary", TypeSummary, &Summary{Known: []Known{{ID: NodeID{0xaa}, Seq: 3}}}, `
		00000016 06
		a1 01 81 82                                # one line of 2
		50 aa000000000000000000000000000000        # id
		03                                         # seq 3`},
	{"call", TypeCall, &Call{ID: 5, Origin: NodeID{0xaa}, To: []NodeID{{0xbb}}, Hops: 1, Within: time.Second, Method: "m", Body: []byte{9}}, `
		00000036 07
		a7 01 05                                   # call 5
		02 50 aa000000000000000000000000000000     # origin
		03 81 50 bb000000000000000000000000000000 # one target
		04 01                                      # 1 hop
		05 1a 3b9aca00                             # within 1 s
		06 61 6d                                   # method "m"
		07 41 09                                   # body`},
	{"call along a way", TypeCall, &Call{Origin: NodeID{0xaa}, To: []NodeID{{0xbb}}, Way: []NodeID{{0xcc}, {0xbb}}}, `
		00000054 07
		a8 01 00                                   # call 0
		02 50 aa000000000000000000000000000000     # origin
		03 81 50 bb000000000000000000000000000000 # one target
		04 00                                      # 0 hops
		05 00                                      # no limit
		06 60                                      # no method
		07 f6                                      # no body
		08 82                                      # over 1 node to the target
		50 cc000000000000000000000000000000
		50 bb000000000000000000000000000000`},
	{"answer", TypeAnswer, &Answer{ID: 5, To: NodeID{0xaa}, From: NodeID{0xbb}, Part: 1, Last: true, Body: []byte{9}}, `
		00000036 08
		aa 01 05                                   # call 5
		02 50 aa000000000000000000000000000000     # to
		03 50 bb000000000000000000000000000000     # from
		04 00                                      # 0 hops
		05 01                                      # part 1
		06 f5                                      # the last
		07 00                                      # code 0, success
		08 60                                      # no text
		09 41 09                                   # body
		0a f4                                      # not lost`},
	{"cancel", TypeCancel, &Cancel{ID: 5, Origin: NodeID{0xaa}, To: []NodeID{{0xbb}}}, `
		0000002a 09
		a4 01 05                                   # call 5
		02 50 aa000000000000000000000000000000     # origin
		03 81 50 bb000000000000000000000000000000 # one target
		04 00                                      # 0 hops`},
	{"leave", TypeLeave, nil, `
		00000000 0a                                # no payload, type 10`},
	{"stream", TypeStream, &Stream{Service: "file", To: NodeID{0xbb}}, `
		0000001b 20
		a3 01 64 66696c65                          # service "file"
		02 50 bb000000000000000000000000000000     # to
		03 00                                      # 0 hops`},
	{"stream ready", TypeStreamReady, nil, `
		00000000 21                                # no payload, type 33`},
}

// annotated returns the hex digits of a text without what stands behind '#'.
func annotated(text string) string {
	var digits strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	return digits.String()
}

func TestFramesAreTheseBytes(t *testing.T) {
	for _, g := range golden {
		got, err := AppendFrame(nil, g.t, g.payload)
		if err != nil {
			t.Fatalf("%s: %v", g.name, err)
		}
		if want := annotated(g.bytes); hex.EncodeToString(got) != want {
			t.Errorf("%s:\n%x, not\n%s", g.name, got, want)
		}
		frameType, b, err := NewReader(bytes.NewReader(got), MaxHelloFrame).Next()
		if err != nil || frameType != g.t {
			t.Fatalf("%s: read type %d, %v", g.name, frameType, err)
		}
		payload, err := DecodeControl(frameType, b)
		if err != nil {
			t.Fatalf("%s: %v", g.name, err)
		}
		again, err := AppendFrame(nil, g.t, payload)
		if err != nil || !bytes.Equal(again, got) {
			t.Errorf("%s: again:\n%x, %v", g.name, again, err)
		}
	}
}

func TestAReaderTakesNoByteBeyondItsFrame(t *testing.T) {
	b, err := AppendFrame(nil, TypePing, &Ping{Seq: 1})
	if err != nil {
		t.Fatal(err)
	}
	source := bytes.NewReader(append(b, "rest"...))
	r := NewReader(iotest.OneByteReader(source), MaxHelloFrame)
	if _, _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(source); string(rest) != "rest" || r.Offset() != int64(len(b)) {
		t.Errorf("%q is left at %d", rest, r.Offset())
	}
}

func TestAFrameEndsAsItShould(t *testing.T) {
	for _, c := range []struct {
		bytes string
		err   error
	}{
		{"", io.EOF},
		{"000000", io.ErrUnexpectedEOF},
		{"00000002 01 a0", io.ErrUnexpectedEOF},
		{"00000002 01", io.ErrUnexpectedEOF},
		{"00001001 01", ErrTooLarge},
		{"ffffffff 01", ErrTooLarge},
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(c.bytes, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := NewReader(bytes.NewReader(b), MaxHelloFrame).Next(); !errors.Is(err, c.err) {
			t.Errorf("%q: %v, not %v", c.bytes, err, c.err)
		}
	}
	_, _, err := NewReader(strings.NewReader("\xff\xff\xff\xff\x01"), 10).Next()
	var bad *DecodeError
	if !errors.As(err, &bad) || bad.Offset != 0 {
		t.Errorf("%v is no decode error at 0", err)
	}
}

func FuzzFrameDecode(f *testing.F) {
	for _, g := range golden {
		b, _ := hex.DecodeString(annotated(g.bytes))
		f.Add(b)
	}
	f.Add([]byte("\xff\xff\xff\xff\x07"))
	f.Add([]byte("\x00\x00\x00\x06\x05\xa1\x01\x9a\x3b\x9a\xca\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(bytes.NewReader(b), MaxControlFrame)
		for {
			frameType, payload, err := r.Next()
			if err != nil {
				return
			}
			if len(payload) > MaxControlFrame {
				t.Fatal("over the limit")
			}
			v, err := DecodeControl(frameType, payload)
			if err != nil || v == nil {
				continue
			}
			once, err := Marshal(v)
			if err != nil {
				t.Fatalf("%T cannot be sent on: %v", v, err)
			}
			again, err := DecodeControl(frameType, once)
			if err != nil {
				t.Fatalf("%T changed on its way: %v", v, err)
			}
			if twice, _ := Marshal(again); !bytes.Equal(once, twice) {
				t.Fatalf("%x became %x", once, twice)
			}
		}
	})
}
