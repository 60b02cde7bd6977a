package train_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/gontk/ntk/train"
)

// TestOrder holds that every epoch has each example once, whichever step is asked
// for first.
func TestOrder(t *testing.T) {
	for _, c := range [][2]int{{10, 3}, {12, 4}, {7, 1}, {5, 5}} {
		n, batch := c[0], c[1]
		o, err := train.NewOrder(n, batch, 4)
		if err != nil {
			t.Fatal(err)
		}
		var all []int
		for s := range o.Steps(3) {
			b := o.At(s)
			if len(b) != batch {
				t.Fatalf("a batch of %d, want %d", len(b), batch)
			}
			all = append(all, b...)
			other, _ := train.NewOrder(n, batch, 4)
			if again := other.At(s); !reflect.DeepEqual(b, again) {
				t.Errorf("step %d has %v, asked for alone %v", s, b, again)
			}
		}
		var epochs [][]int
		for e := range 3 {
			epoch := slices.Clone(all[e*n : (e+1)*n])
			epochs = append(epochs, slices.Clone(epoch))
			slices.Sort(epoch)
			for i, x := range epoch {
				if i != x {
					t.Errorf("%d examples, batches of %d: epoch %d has %v", n, batch, e, epoch)
					break
				}
			}
		}
		if same := reflect.DeepEqual(epochs[0], epochs[1]); same != (batch == n) {
			t.Errorf("%d examples, batches of %d: two epochs are the same: %v", n, batch, same)
		}
	}
	a, _ := train.NewOrder(50, 5, 1)
	b, _ := train.NewOrder(50, 5, 2)
	if reflect.DeepEqual(a.At(0), b.At(0)) {
		t.Error("two seeds give one order")
	}
	for _, batch := range []int{-1, 6} {
		if _, err := train.NewOrder(5, batch, 1); err == nil {
			t.Errorf("batches of %d of 5 examples are no error", batch)
		}
	}
}

func TestSchedule(t *testing.T) {
	for _, tc := range []struct {
		at    []int
		steps int
		want  []int
	}{
		{nil, 0, []int{0}},
		{nil, 1, []int{0, 1}},
		{nil, 10, []int{0, 1, 2, 4, 8, 10}},
		{[]int{7, 3, 7}, 9, []int{0, 3, 7}},
	} {
		got, err := train.Schedule(tc.at, tc.steps)
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("Schedule(%v, %d) is %v, %v, want %v", tc.at, tc.steps, got, err, tc.want)
		}
	}
	for _, at := range []int{-1, 10} {
		if _, err := train.Schedule([]int{at}, 9); err == nil {
			t.Errorf("step %d of 9 is no error", at)
		}
	}
}
