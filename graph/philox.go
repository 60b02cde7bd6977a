package graph

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
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

// uniforms returns the two numbers of counter c in (0, 1), of 53 bits each.
func (s stream) uniforms(c uint64) (u, v float64) {
	b0, b1, b2, b3 := philox(uint32(c), uint32(c>>32), 0, 0, s.key[0], s.key[1])
	return unit(b0, b1), unit(b2, b3)
}

// philox turns a counter x under a key k into 128 random bits. All are scalars,
// which stay in registers; arrays would not.
func philox(x0, x1, x2, x3, k0, k1 uint32) (uint32, uint32, uint32, uint32) {
	const m0, m1 = 0xD2511F53, 0xCD9E8D57
	const w0, w1 = 0x9E3779B9, 0xBB67AE85
	for range 10 {
		p0, p1 := uint64(x0)*m0, uint64(x2)*m1
		x0, x1, x2, x3 = uint32(p1>>32)^x1^k0, uint32(p1), uint32(p0>>32)^x3^k1, uint32(p0)
		k0 += w0
		k1 += w1
	}
	return x0, x1, x2, x3
}

func unit(lo, hi uint32) float64 {
	x := int64((uint64(hi)<<32 | uint64(lo)) >> 11) // signed: one instruction turns it into a float64
	return (float64(x) + 0.5) / (1 << 53)
}

// normals fills dst with the independent N(0, 1) numbers of the counters from c
// on, two of each (Box and Muller, 1958).
func (s stream) normals(dst []float64, c uint64) {
	for i := 0; i < len(dst); i += 2 {
		u, v := s.uniforms(c)
		c++
		r := math.Sqrt(-2 * math.Log(u))
		sin, cos := math.Sincos(2 * math.Pi * v)
		dst[i] = r * cos
		if i+1 < len(dst) {
			dst[i+1] = r * sin
		}
	}
}

// uniform fills dst with independent numbers of mean 0 and variance 1, those of
// the counters from c on, two of each.
func (s stream) uniform(dst []float64, c uint64) {
	for i := 0; i < len(dst); i += 2 {
		u, v := s.uniforms(c)
		c++
		dst[i] = (u - 0.5) * sqrt12
		if i+1 < len(dst) {
			dst[i+1] = (v - 0.5) * sqrt12
		}
	}
}
