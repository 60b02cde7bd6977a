package models_test

import (
	"testing"

	"github.com/gontk/ntk/models"
)

// ResNet-18 for CIFAR-10 has 11 173 962 parameters, of which 9 600 belong to
// batch norms and 10 to the last bias, which this one has not.
func TestResNet18Parameters(t *testing.T) {
	build, err := models.Lookup("resnet18")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := build(models.Config{Outputs: 10, InputShape: []int{32, 32, 3}})
	if err != nil {
		t.Fatal(err)
	}
	params, err := spec.Params()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range params {
		size := 1
		for _, d := range p.Shape {
			size *= d
		}
		n += size
	}
	if want := 11_173_962 - 9_600 - 10; n != want {
		t.Errorf("%d parameters, want %d", n, want)
	}
}
