//go:build !amd64

package lanes

// There are kernels for AVX2 alone.
const accelerated = false

func rectifyAVX2(d, t, s1, r1, s2, r2 *float32, n8 int, c *float32) {}
func erfAVX2(k, t, r1, r2 *float32, n8 int, c *float32)             {}
func sum2AVX2(dst, a, b *float32, n int)                            {}
func sum3AVX2(dst, a, b, c *float32, n int)                         {}
func box3AVX2(dst, src, left, right *float32, n8 int)               {}
func addMaskedAVX2(dst, src, mask *float32, n8 int)                 {}
func addScaledAVX2(dst, src *float32, c float32, n8 int)            {}
func productsAVX2(d, m, a, b *float32, n8 int)                      {}
func totalAVX2(x *float32, n8 int) float64                          { return 0 }
