package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/limits"
)

// Falkon is compared with ridge regression on all examples as their number grows, with
// one kernel and one ridge: what k-fold chose for 2 000 of them.
const (
	falkonKernel = "--kernel gaussian --gamma 3 --ridge 1e-6 --train mnist --test mnist-test --test-examples all --shuffle 1"
	centres      = 2000
)

var (
	falkonSizes = []int{3125, 6250, 12500, 25000, 50000}
	exactSizes  = falkonSizes[:3] // memory and time grow with their square and cube
)

const falkonRow, exactRow = "falkon", "exact"

func falkonCells() []cell {
	var cells []cell
	add := func(row, method string, sizes []int) {
		for _, n := range sizes {
			cells = append(cells, cell{
				name: fmt.Sprintf("falkon-%s-%d", row, n), table: "falkon", row: row, column: fmt.Sprint(n),
				args: strings.Fields(fmt.Sprintf("%s %s --examples %d", falkonKernel, method, n)),
			})
		}
	}
	add(falkonRow, fmt.Sprintf("--method falkon --centres %d", centres), falkonSizes)
	add(exactRow, "--method ridge", exactSizes)
	return cells
}

// falkon has seconds, memory and accuracies by the number of examples, and the power
// that the seconds grow with.
func falkon(b *strings.Builder, cells []cell) {
	fmt.Fprintf(b, "## Falkon\n\nMNIST, %d centres, tested on 10 000 images: seconds are of the whole command, memory is the peak of the process.\n\n", centres)
	b.WriteString("| examples | seconds | memory | accuracy (%) | all examples as centres: seconds | memory | accuracy (%) |\n|---|---|---|---|---|---|---|\n")
	var x, y []float64
	for _, n := range falkonSizes {
		fmt.Fprintf(b, "| %d |", n)
		for _, row := range []string{falkonRow, exactRow} {
			r := find(cells, row, fmt.Sprint(n))
			if r == nil {
				b.WriteString(" – | – | – |")
				continue
			}
			fmt.Fprintf(b, " %.1f | %s | %.2f ± %.2f |", r.Seconds, machine.FormatBytes(r.PeakRSS), 100*r.Accuracy, 100*r.Error)
			if row == falkonRow {
				x, y = append(x, float64(n)), append(y, r.Seconds)
			}
		}
		b.WriteString("\n")
	}
	if len(x) > 2 {
		// No errors are known; equal relative ones fit a line to the logarithms.
		same := make([]float64, len(y))
		for i, v := range y {
			same[i] = 0.1 * v
		}
		p := limits.FitPower(x, y, same)
		fmt.Fprintf(b, "\nThe seconds of Falkon grow with the number of examples to the power %.2f ± %.2f (±10 %% assumed of each).\n", p.Exponent, p.Error)
	}
	fmt.Fprintf(b, "\n```sh\nntk predict %s --method falkon --centres %d --examples 50000\n```\n\n", falkonKernel, centres)
}

// find returns the result of a cell, nil if it was not computed.
func find(cells []cell, row, column string) *result {
	for _, c := range cells {
		if c.row == row && c.column == column && c.result != nil && !math.IsNaN(c.result.Accuracy) {
			return c.result
		}
	}
	return nil
}
