package wire

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func TestPatchFramesHaveTheirGoldenBytes(t *testing.T) {
	zeros := strings.Repeat("00", 31)
	for _, c := range []struct {
		typ     Type
		payload any
		want    string
	}{
		{TypeBlocks, Blocks{Version: Version{0xab}, Name: "a", Chunk: 5, Sums: []byte{1, 2}}, "0000002d 40 a4 015820ab" + zeros + " 026161 0305 04420102"},
		{TypePatch, Patch{Chunk: 5, Differ: []byte{2}, Encoding: Zstd, Data: []byte("ab")}, "0000000c 41 a4 0105 044102 0501 06426162"},
		{TypePatch, Patch{Chunk: 5, Code: 2, Text: "no"}, "0000000f 41 a6 0105 0202 03626e6f 04f6 0500 06f6"},
	} {
		got, err := AppendFrame(nil, c.typ, c.payload)
		if want := strings.ReplaceAll(c.want, " ", ""); err != nil || hex.EncodeToString(got) != want {
			t.Errorf("got %x (%v), want %s", got, err, want)
		}
	}
}

func TestAPatchIsAppliedWhereItBelongs(t *testing.T) {
	chunk := make([]byte, 4*PatchBlock+10)
	one, tail := bytes.Repeat([]byte{1}, PatchBlock), bytes.Repeat([]byte{2}, 10)
	if err := (Patch{Differ: []byte{0b10010}}).Apply(chunk, append(bytes.Clone(one), tail...)); err != nil {
		t.Fatal(err)
	}
	want := make([]byte, len(chunk))
	copy(want[PatchBlock:], one)
	copy(want[4*PatchBlock:], tail)
	if !bytes.Equal(chunk, want) {
		t.Error("blocks are in wrong places")
	}
}

func TestAPatchThatDoesNotFitIsRefused(t *testing.T) {
	chunk := make([]byte, 4*PatchBlock)
	for name, p := range map[string]struct {
		differ []byte
		blocks int
	}{
		"no marks": {nil, 0}, "too many marks": {[]byte{1, 0}, PatchBlock},
		"too few bytes": {[]byte{3}, 2*PatchBlock - 1}, "too many bytes": {[]byte{1}, PatchBlock + 1},
	} {
		if err := (Patch{Differ: p.differ}).Apply(chunk, make([]byte, p.blocks)); err == nil {
			t.Errorf("%s: applied", name)
		}
	}
}
