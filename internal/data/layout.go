package data

import (
	"fmt"
	"slices"
)

// Orders of an image's axes: examples, height, width, channels.
const (
	nhwc = "nhwc"
	nchw = "nchw"
)

// WithLayout returns the set with its images' axes in the order layout, "nhwc"
// or "nchw", and a Note that says so if values moved. It returns s itself if
// the order is right already, and an error if the set holds no images.
func (s *Set) WithLayout(layout string) (*Set, error) {
	if err := oneOf("layout", layout, nhwc, nchw); err != nil {
		return nil, err
	}
	switch s.Layout {
	case layout:
		return s, nil
	case "":
		return nil, fmt.Errorf("data: %s has examples of shape %v, not images: it has no layout %s", s.Name, s.Shape[1:], layout)
	}
	out := *s
	out.Layout = layout
	out.Note = joinNotes(s.Note, fmt.Sprintf("axes transposed from %s to %s", s.Layout, layout))
	n := s.Shape[0]
	if layout == nchw {
		h, w, c := s.Shape[1], s.Shape[2], s.Shape[3]
		out.Shape = []int{n, c, h, w}
		out.X = transposeEach(s.X, n, h*w, c)
	} else {
		c, h, w := s.Shape[1], s.Shape[2], s.Shape[3]
		out.Shape = []int{n, h, w, c}
		out.X = transposeEach(s.X, n, c, h*w)
	}
	return &out, nil
}

// transposeEach transposes n matrices [rows, cols].
func transposeEach(x []float64, n, rows, cols int) []float64 {
	out := make([]float64, len(x))
	size := rows * cols
	for m := range n {
		src, dst := x[m*size:(m+1)*size], out[m*size:(m+1)*size]
		for r := range rows {
			for c := range cols {
				dst[c*rows+r] = src[r*cols+c]
			}
		}
	}
	return out
}

// arrayLayout tells images among plain arrays: four axes, channels last
// unless only the second axis has the size of a channel axis.
func arrayLayout(shape []int) (layout, note string) {
	if len(shape) != 4 {
		return "", ""
	}
	channels := []int{1, 3, 4}
	if slices.Contains(channels, shape[1]) && !slices.Contains(channels, shape[3]) {
		return nchw, "axes taken as nchw"
	}
	return nhwc, "axes taken as nhwc"
}
