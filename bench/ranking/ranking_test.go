package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// TestTable ranks by made-up numbers: the kernel's accuracy as the end is, the condition
// the other way, which is the same order as less is better, and the short training
// against it; an architecture that was not computed counts in none.
func TestTable(t *testing.T) {
	kernels, trainings := kernelCells(""), trainingCells("")
	for i := range architectures[:len(architectures)-1] {
		rank := float64(i)
		kernels[i].Result = &kernel{Accuracy: 0.5 + rank/100}
		for seed := range seeds {
			text := fmt.Sprintf(`{"result": {"points": [{"step": 0, "condition": %g}, {"network": {"test_accuracy": %g}}, {"network": {"test_accuracy": %g}}]}}`,
				100-rank, 0.6-rank/100, 0.7+rank/100+0.001*float64(seed))
			trainings[i*seeds+seed].Result = new(training)
			if err := json.Unmarshal([]byte(text), trainings[i*seeds+seed].Result); err != nil {
				t.Fatal(err)
			}
		}
	}
	all := scores(kernels, trainings)
	tau, n, err := taus(all)
	if err != nil {
		t.Fatal(err)
	}
	if n != len(architectures)-1 || tau[0] != 1 || tau[1] != 1 || tau[2] != -1 {
		t.Errorf("τ %v of %d architectures, want 1, 1, −1 of %d", tau, n, len(architectures)-1)
	}
	if v := all[3].values[1]; math.Abs(v-71.05) > 1e-12 {
		t.Errorf("the mean of 71 and 71.1 %% is %.14g", v)
	}
	if v := all[1].values[1]; math.Abs(v-99) > 1e-12 {
		t.Errorf("the mean of 99 and 99 is %.14g", v)
	}
}

// TestCommand runs a program of its own in place of ntk, and reads what it prints.
func TestCommand(t *testing.T) {
	ntk := filepath.Join(t.TempDir(), "ntk")
	script := "#!/bin/sh\n[ \"$*\" = \"predict --json --kernel linear\" ] && echo '{\"accuracy\": 0.25}'\n"
	if err := os.WriteFile(ntk, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	r, err := command[kernel](ntk, "one", "predict --kernel linear").Compute(t.Context())
	if err != nil || r.Accuracy != 0.25 {
		t.Errorf("result %+v, error %v; want 0.25", r, err)
	}
	if _, err := command[kernel](ntk, "one", "predict --kernel other").Compute(t.Context()); err == nil {
		t.Error("a command that fails: no error")
	}
}
