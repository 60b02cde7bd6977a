package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/gontk/ntk/cmd"
)

// TestParameters compares the number of weights, by depth, with the sum of the
// sizes of the matrices.
func TestParameters(t *testing.T) {
	for depth, name := range map[int]string{ownDepth: "0", 1: "1", 3: "3"} {
		var out, errs bytes.Buffer
		args := []string{"gram", "--model", "skip", "--depth", name, "--data", "digits", "--examples", "4", "--backend", "go", "--explain", "--json"}
		if status := cmd.Run(t.Context(), args, &out, &errs, nil, skip); status != 0 {
			t.Fatalf("status %d, %s", status, errs.String())
		}
		var plan struct{ Plan struct{ Parameters int } }
		if err := json.Unmarshal(out.Bytes(), &plan); err != nil {
			t.Fatal(err)
		}
		// A digit has 64 pixels and one of 10 classes.
		if want := 64*width + depth*width*width + width*10; plan.Plan.Parameters != want {
			t.Errorf("--depth %s: %d parameters, want %d", name, plan.Plan.Parameters, want)
		}
	}
}
