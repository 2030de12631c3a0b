package digest

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/zeebo/blake3"
)

// random returns n bytes that depend on seed alone.
func random(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// needWide skips a test where the library does it all, so that there is nothing
// to compare.
func needWide(t testing.TB) {
	if !wide() {
		t.Skip("this processor has no AVX-512")
	}
}

func TestHashesAreThoseOfTheLibrary(t *testing.T) {
	data := random(1, maxWide+1)
	for _, edge := range []int{1, blockSize, leafSize, minWide, 2 * minWide, midWide, 2 * midWide, maxWide / 2, maxWide} {
		for _, n := range []int{edge - 1, edge, edge + 1} {
			if got, want := Sum(data[:n]), blake3.Sum256(data[:n]); got != want {
				t.Errorf("%d bytes: got %x, want %x", n, got, want)
			}
		}
	}
}

// Inputs of the specification's test vectors are 0, 1, 2 … 250, 0, 1 … and so on.
func TestVectorOfTheSpecification(t *testing.T) {
	data := make([]byte, 16<<10)
	for i := range data {
		data[i] = byte(i % 251)
	}
	const want = "f875d6646de28985646f34ee13be9a576fd515f76b5b0a26bb324735041ddde4"
	if got := Sum(data); hex.EncodeToString(got[:]) != want {
		t.Errorf("got %x, want %s", got, want)
	}
}

func TestEachBitCounts(t *testing.T) {
	needWide(t)
	data := random(2, midWide)
	seen := map[[Size]byte]int{Sum(data): -1}
	for i := 0; i < len(data); i += 509 { // meets each lane, and each word of a block
		data[i] ^= 1 << (i % 8)
		sum := Sum(data)
		if other, ok := seen[sum]; ok {
			t.Fatalf("changes at bytes %d and %d have one hash", i, other)
		}
		if sum != blake3.Sum256(data) {
			t.Fatalf("a change at byte %d makes a hash that is not the library's", i)
		}
		seen[sum] = i
		data[i] ^= 1 << (i % 8)
	}
}

func TestDataMayLieAtOddPlaces(t *testing.T) {
	needWide(t)
	data := random(3, minWide+blockSize)
	for at := range blockSize {
		part := data[at:][:minWide]
		if got, want := Sum(part), blake3.Sum256(part); got != want {
			t.Errorf("at byte %d: got %x, want %x", at, got, want)
		}
	}
}

// FuzzSum: what is hashed 16 leaves at a time has the library's hash.
func FuzzSum(f *testing.F) {
	f.Add([]byte(nil), uint8(0))
	f.Add([]byte("minimega"), uint8(3))
	f.Add(random(4, leafSize+1), uint8(6))
	f.Fuzz(func(t *testing.T, some []byte, doublings uint8) {
		data := make([]byte, minWide<<(doublings%7))
		for at := 0; at < len(data) && len(some) > 0; {
			at += copy(data[at:], some)
		}
		if got, want := Sum(data), blake3.Sum256(data); got != want {
			t.Errorf("%d bytes: got %x, want %x", len(data), got, want)
		}
	})
}

func BenchmarkSum(b *testing.B) {
	for n := minWide; n <= maxWide; n *= 4 {
		data := random(5, n)
		for _, by := range []struct {
			name string
			sum  func([]byte) [Size]byte
		}{{"digest", Sum}, {"library", blake3.Sum256}} {
			b.Run(fmt.Sprintf("%s/%dKiB", by.name, n>>10), func(b *testing.B) {
				b.SetBytes(int64(n))
				for b.Loop() {
					by.sum(data)
				}
			})
		}
	}
}
