package predict

import (
	"context"
	"fmt"
	"math"

	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/spectral"
)

// Complete fills in the m × n matrix y where known [m·n] says that its entries are
// not, by the NTK of an infinitely wide network that maps the n columns' features to
// the m rows: the kernel of entries (i, j) and (i', j') is
//
//	1{i = i'}·K(z_j, z_j'),
//
// with K = columns [n, n] the NTK at the features z_j. So each row is kernel
// regression on its own known entries, with a ridge r. Rows known at the same places
// are solved for at once.
//
// It returns f [m, n] everywhere, which is y where it is known if r is 0, and 0 in a
// row of which nothing is known. It returns an error if shapes disagree, a known
// entry is not finite, or columns restricted to known places plus the ridge is
// singular.
//
// Source: Radhakrishnan, Stefanakis, Belkin, Uhler, "Simple, fast, and flexible
// framework for matrix completion with infinite width neural networks" (PNAS 2022).
func Complete(ctx context.Context, blas *native.BLAS, columns, y Matrix, known []bool, r float64) (Matrix, error) {
	m, n := y.Rows, y.Cols
	if err := columns.checkSymmetric("the kernel of columns", n); err != nil {
		return Matrix{}, err
	}
	if err := checkKnown(y, known); err != nil {
		return Matrix{}, err
	}
	alike := map[string][]int{} // rows by what is known of them
	var order []string
	for i := range m {
		key := make([]byte, n)
		for j := range n {
			if known[i*n+j] {
				key[j] = 1
			}
		}
		if alike[string(key)] == nil {
			order = append(order, string(key))
		}
		alike[string(key)] = append(alike[string(key)], i)
	}
	out := NewMatrix(m, n)
	everywhere := make([]int, n)
	for j := range everywhere {
		everywhere[j] = j
	}
	for _, key := range order {
		var places []int
		for j, k := range []byte(key) {
			if k == 1 {
				places = append(places, j)
			}
		}
		if len(places) == 0 {
			continue
		}
		members := alike[key]
		w, err := Ridge(ctx, blas, columns.Submatrix(places, places), transpose(y.Submatrix(members, places)), r)
		if err != nil {
			return Matrix{}, fmt.Errorf("row %d: %w", members[0], err)
		}
		f, err := product(blas, plain(columns.Submatrix(everywhere, places)), plain(w))
		if err != nil {
			return Matrix{}, err
		}
		for c, i := range members {
			for j := range n {
				out.Row(i)[j] = f.Row(j)[c]
			}
		}
	}
	return out, nil
}

// CompleteBoth fills in y as [Complete] does, with features of rows too: the kernel
// of entries (i, j) and (i', j') is rows[i, i']·columns[j, j'], the rows' kernel
// [m, m] and the columns' [n, n]. With the identity for rows it is Complete. The
// system of the known entries is solved by conjugate gradients, without forming it:
// O(m·n·(m + n)) for each iteration, and a few matrices m × n.
//
// The ridge must be positive. Other errors are those of Complete and
// [spectral.Solve].
func CompleteBoth(ctx context.Context, blas *native.BLAS, rows, columns, y Matrix, known []bool, r float64, opts spectral.SolveOptions) (Matrix, error) {
	m, n := y.Rows, y.Cols
	if err := rows.checkSymmetric("the kernel of rows", m); err != nil {
		return Matrix{}, err
	}
	if err := columns.checkSymmetric("the kernel of columns", n); err != nil {
		return Matrix{}, err
	}
	if err := checkKnown(y, known); err != nil {
		return Matrix{}, err
	}
	if !(r > 0) || math.IsInf(r, 1) {
		return Matrix{}, fmt.Errorf("predict: ridge %g; want a finite number above 0", r)
	}
	k := &kronecker{blas: blas, rows: rows, columns: columns}
	var b []float64
	for e, is := range known {
		if is {
			k.places = append(k.places, e)
			b = append(b, y.Data[e])
		}
	}
	if len(b) == 0 {
		return NewMatrix(m, n), nil
	}
	s, err := spectral.Solve(ctx, k, r, b, 1, opts)
	if err != nil {
		return Matrix{}, err
	}
	return k.everywhere(s.X)
}

// kronecker is the kernel of the known entries.
type kronecker struct {
	blas          *native.BLAS
	rows, columns Matrix
	places        []int // of entries of the m × n matrix
}

// Dim returns how many entries are known.
func (k *kronecker) Dim() int { return len(k.places) }

// MulVec multiplies by the kernel of known entries.
func (k *kronecker) MulVec(_ context.Context, dst, v []float64) error {
	f, err := k.everywhere(v)
	if err != nil {
		return err
	}
	for i, e := range k.places {
		dst[i] = f.Data[e]
	}
	return nil
}

// everywhere returns rows·W·columns, W [m, n] having v at known entries.
func (k *kronecker) everywhere(v []float64) (Matrix, error) {
	w := NewMatrix(k.rows.Rows, k.columns.Rows)
	for i, e := range k.places {
		w.Data[e] = v[i]
	}
	p := products{blas: k.blas}
	f := p.of(plain(p.of(plain(k.rows), plain(w))), plain(k.columns))
	return f, p.err
}

func checkKnown(y Matrix, known []bool) error {
	if y.Rows < 1 || y.Cols < 1 || len(y.Data) != y.Rows*y.Cols || len(known) != len(y.Data) {
		return fmt.Errorf("predict: a [%d, %d] matrix has %d entries and %d flags; want one for each", y.Rows, y.Cols, len(y.Data), len(known))
	}
	for e, is := range known {
		if v := y.Data[e]; is && v-v != 0 {
			return fmt.Errorf("predict: the known entry [%d, %d] is %g; want finite numbers", e/y.Cols, e%y.Cols, v)
		}
	}
	return nil
}
