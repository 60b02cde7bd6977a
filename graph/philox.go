package graph

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/bits"
)

const sqrt12 = 3.4641016151377545870548926830117447

// A stream is a counter-based generator: its i-th number depends on the seed, a
// name and i alone, whatever was drawn before, on whatever machine.
//
// It is Philox4x32-10 (Salmon et al., SC 2011), keyed by the first 64 bits of
// the seed's hash with the name; the counter is i.
type stream struct {
	key [2]uint32
}

func newStream(seed uint64, name string) stream {
	b := binary.LittleEndian.AppendUint64(nil, seed)
	h := sha256.Sum256(append(b, name...))
	return stream{[2]uint32{binary.LittleEndian.Uint32(h[0:]), binary.LittleEndian.Uint32(h[4:])}}
}

// block returns the 128 bits of counter c.
func (s stream) block(c uint64) [4]uint32 {
	return philox([4]uint32{uint32(c), uint32(c >> 32), 0, 0}, s.key)
}

func philox(x [4]uint32, k [2]uint32) [4]uint32 {
	const m0, m1 = 0xD2511F53, 0xCD9E8D57
	const w0, w1 = 0x9E3779B9, 0xBB67AE85
	for range 10 {
		h0, l0 := bits.Mul32(m0, x[0])
		h1, l1 := bits.Mul32(m1, x[2])
		x = [4]uint32{h1 ^ x[1] ^ k[0], l1, h0 ^ x[3] ^ k[1], l0}
		k[0] += w0
		k[1] += w1
	}
	return x
}

// uniforms returns the two numbers of counter c in (0, 1), of 53 bits each.
func (s stream) uniforms(c uint64) (u, v float64) {
	b := s.block(c)
	return unit(b[0], b[1]), unit(b[2], b[3])
}

func unit(lo, hi uint32) float64 {
	x := (uint64(hi)<<32 | uint64(lo)) >> 11
	return (float64(x) + 0.5) / (1 << 53)
}

// normals fills dst with independent N(0, 1) numbers (Box and Muller, 1958).
func (s stream) normals(dst []float64) {
	for i := 0; i < len(dst); i += 2 {
		u, v := s.uniforms(uint64(i / 2))
		r := math.Sqrt(-2 * math.Log(u))
		sin, cos := math.Sincos(2 * math.Pi * v)
		dst[i] = r * cos
		if i+1 < len(dst) {
			dst[i+1] = r * sin
		}
	}
}

// uniform fills dst with independent numbers of mean 0 and variance 1.
func (s stream) uniform(dst []float64) {
	for i := 0; i < len(dst); i += 2 {
		u, v := s.uniforms(uint64(i / 2))
		dst[i] = (u - 0.5) * sqrt12
		if i+1 < len(dst) {
			dst[i+1] = (v - 0.5) * sqrt12
		}
	}
}
