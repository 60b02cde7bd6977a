package models_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/gontk/ntk/models"
)

// A lcg is the stream of numbers that testdata/stream.py draws weights from.
type lcg int64

func (s *lcg) take(dims ...int) nd {
	a := newND(dims...)
	for i := range a.data {
		*s = (1103515245**s + 12345) % (1 << 31)
		a.data[i] = math.Sqrt(3) * (float64(*s)/(1<<30) - 1)
	}
	return a
}

// TestZooReference: f of every network of the zoo against testdata/zoo.json,
// values of PyTorch functions written from the papers. Both sum up to 10³ terms in
// each of up to 50 layers, in orders of their own; attention and norms divide.
func TestZooReference(t *testing.T) {
	var cases []struct {
		Name   string
		Seed   int64
		Config models.Config
		Next   int64 // the stream, when all weights are taken
		Output []float64
	}
	text, err := os.ReadFile("testdata/zoo.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range cases {
		seen[c.Name] = true
		t.Run(c.Name, func(t *testing.T) {
			s := build(t, c.Name, c.Config)
			stream := lcg(c.Seed)
			x := stream.take(append([]int{2}, c.Config.InputShape...)...)
			if v := c.Config.Vocabulary; v > 0 {
				for i := range x.data {
					x.data[i] = math.Floor((x.data[i]/math.Sqrt(3) + 1) / 2 * float64(v))
				}
			}
			infos, err := s.Params()
			if err != nil {
				t.Fatal(err)
			}
			a := map[string]nd{}
			for _, p := range infos {
				a[p.Name] = stream.take(p.Shape...)
			}
			if int64(stream) != c.Next {
				t.Error("the network has other weights, or more or fewer of them")
			}
			if e := relErr(forward(t, s, a, x), nd{[]int{2, 3}, c.Output}); !(e <= 1e-11) {
				t.Errorf("relative error %g, want ≤ 1e-11", e)
			}
		})
	}
	for _, e := range models.List() {
		if !seen[e.Name] {
			t.Errorf("%s has no reference in testdata/zoo.json", e.Name)
		}
	}
}
