package data

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func twoPoints() *Set {
	return &Set{Name: "two", X: []float64{1, 2, 3, 4}, Shape: []int{2, 2}, Y: []float64{0, 1}, Classes: 2}
}

func TestTargets(t *testing.T) {
	s := &Set{Shape: []int{3, 1}, X: []float64{1, 2, 3}, Y: []float64{2, 0, 2}, Classes: 3}
	want := []float64{0, 0, 1, 1, 0, 0, 0, 0, 1}
	if got := s.OneHot(); !slices.Equal(got, want) {
		t.Errorf("OneHot = %v, want %v", got, want)
	}
	if got, o := s.Targets(); !slices.Equal(got, want) || o != 3 {
		t.Errorf("Targets = %v, %d", got, o)
	}
	s = &Set{Shape: []int{2, 1}, X: []float64{1, 2}, Y: []float64{1, 2, 3, 4}}
	if got, o := s.Targets(); !slices.Equal(got, s.Y) || o != 2 || s.OneHot() != nil {
		t.Errorf("two regression targets: %v, %d, one-hot %v", got, o, s.OneHot())
	}
	s.Y = nil
	if got, o := s.Targets(); got != nil || o != 0 {
		t.Errorf("no labels: Targets = %v, %d", got, o)
	}
}

func TestHash(t *testing.T) {
	// hashlib.sha256(struct.pack("<3Q", 2, 2, 2) + struct.pack("<4d", 1, 2, 3, 4)
	//   + struct.pack("<2Q", 2, 2) + struct.pack("<2d", 0, 1))
	const want = "0a2055f87eb981997e1918b8c9c76934882898d5d0d054efe561f0a7a5f45b4a"
	if got := twoPoints().Hash(); got != want {
		t.Errorf("Hash = %s, want Python's %s", got, want)
	}
	for name, change := range map[string]func(s *Set){
		"a value":    func(s *Set) { s.X[3] = 5 },
		"the shape":  func(s *Set) { s.Shape = []int{4, 1} },
		"a label":    func(s *Set) { s.Y[0] = 1 },
		"the labels": func(s *Set) { s.Y = nil },
	} {
		s := twoPoints()
		change(s)
		if s.Hash() == want {
			t.Errorf("Hash does not depend on %s", name)
		}
	}
	s := twoPoints()
	s.Name, s.Note = "other", "other"
	if s.Hash() != want {
		t.Error("Hash depends on the name or the note")
	}
	// More values than one chunk of the hash's buffer.
	long := &Set{Shape: []int{1, 20000}, X: make([]float64, 20000)}
	before := long.Hash()
	long.X[19999] = 1
	if long.Hash() == before {
		t.Error("Hash does not depend on the last of 20000 values")
	}
}

func TestSubset(t *testing.T) {
	s := twoPoints()
	got := s.Subset([]int{1, 1, 0})
	if d := cmp.Diff([]float64{3, 4, 3, 4, 1, 2}, got.X); d != "" {
		t.Errorf("X (-want +got):\n%s", d)
	}
	if !slices.Equal(got.Y, []float64{1, 1, 0}) || !slices.Equal(got.Shape, []int{3, 2}) || got.Classes != 2 {
		t.Errorf("Y %v, shape %v, %d classes", got.Y, got.Shape, got.Classes)
	}
	got.X[0], got.Shape[0] = 9, 9
	if d := cmp.Diff(twoPoints(), s); d != "" {
		t.Errorf("Subset shares memory with its set:\n%s", d)
	}
	if empty := s.Subset(nil); empty.Len() != 0 || empty.Features() != 2 {
		t.Errorf("empty subset has %d examples of %d", empty.Len(), empty.Features())
	}
}

func TestDescribe(t *testing.T) {
	s := &Set{Name: "a", Shape: []int{2, 8, 8, 1}, Layout: "nhwc", X: make([]float64, 128), Note: "n"}
	for _, tc := range []struct {
		y       []float64
		classes int
		want    string
	}{
		{nil, 0, "a: 2 examples of 8×8×1 (nhwc), no labels; n"},
		{[]float64{0, 1}, 2, "a: 2 examples of 8×8×1 (nhwc), 2 classes; n"},
		{[]float64{1, 2, 3, 4}, 0, "a: 2 examples of 8×8×1 (nhwc), regression targets: 2; n"},
	} {
		s.Y, s.Classes = tc.y, tc.classes
		if got := s.Describe(); got != tc.want || strings.Contains(got, "\n") {
			t.Errorf("Describe = %q, want %q", got, tc.want)
		}
	}
}
