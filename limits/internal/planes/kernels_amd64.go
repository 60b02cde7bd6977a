package planes

import "golang.org/x/sys/cpu"

//go:generate go run -modfile=../../../tools.mod asm.go -out kernels_amd64.s -stubs stubs_amd64.go -pkg planes

// accelerated says that the AVX2 kernels run.
var accelerated = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// vector is the size in bytes of the Lanes numbers of a position.
const vector = 4 * Lanes

// applyFast is apply on AVX2, if it is there and T is float32.
func applyFast[T Float](f *rectifier[T], c *call[T]) bool {
	x, ok := any(c).(*call[float32])
	if !ok || !accelerated {
		return false
	}
	if f.positive {
		rectifyPositiveAVX2(&x.d[0], &x.t[0], &x.dstD[0], &x.dstT[0], &x.s1[0], &x.r1[0], &x.s2[0], &x.r2[0],
			x.rows, x.cols*vector, 4*x.pitch, x.width*vector, &f.c[0])
		return true
	}
	rectifyAVX2(&x.d[0], &x.t[0], &x.dstD[0], &x.dstT[0], &x.s1[0], &x.r1[0], &x.s2[0], &x.r2[0],
		x.rows, x.cols*vector, 4*x.pitch, x.width*vector, &f.c[0])
	return true
}

func differencesFast[T Float](m *image[T]) bool {
	x, ok := any(m).(*image[float32])
	if !ok || !accelerated {
		return false
	}
	differencesAVX2(&x.d[0], &x.t[0], &x.a[0], &x.b[0], x.rows, x.cols*vector, 4*x.pitch, x.width*vector, x.channels, x.area*vector, x.ratio)
	return true
}

func tapSumFast[T Float](dst, src []T, rows, cols, pitch int, l *Layer) bool {
	to, ok := any(dst).([]float32)
	if !ok || !accelerated {
		return false
	}
	from := any(src).([]float32)
	if l.isBox3() {
		box3AVX2(&to[0], &from[0], rows, cols*vector, 4*pitch)
		return true
	}
	clear(to[:rows*cols*Lanes])
	for _, a := range l.Rows.Offsets {
		for _, b := range l.Cols.Offsets {
			at := (a-l.Rows.Offsets[0])*pitch + (b-l.Cols.Offsets[0])*Lanes
			addPlaneAVX2(&to[0], &from[at], rows, cols*vector, 4*pitch*l.Rows.Stride, vector*l.Cols.Stride)
		}
	}
	return true
}

// isBox3 reports whether the taps are 3 × 3 neighbours, of stride 1.
func (l *Layer) isBox3() bool {
	for _, a := range []*Axis{&l.Rows, &l.Cols} {
		if n := len(a.Offsets); a.Stride != 1 || n != 3 || a.Offsets[2]-a.Offsets[0] != 2 {
			return false
		}
	}
	return true
}

func totalFast[T Float](sum *[Lanes]float64, src []T, rows, cols, pitch int) bool {
	x, ok := any(src).([]float32)
	if !ok || !accelerated {
		return false
	}
	if rows > 0 && cols > 0 {
		totalAVX2(&sum[0], &x[0], rows, cols*vector, 4*pitch)
	}
	return true
}
