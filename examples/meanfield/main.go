// Meanfield trains networks of one hidden layer of erf units in the mean-field
// parameterization beside the limit of their measure, and draws how they approach it,
// into meanfield-distance.svg, -measure.svg and -loss.svg of a folder:
//
//	go run ./examples/meanfield docs/pictures
package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/signal"
	"syscall"

	"github.com/gontk/ntk/internal/native"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "meanfield: want a folder for the pictures")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "meanfield:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, folder string) error {
	backend, err := native.Open(native.Options{Backend: native.Go}) // networks are small, and it compiles at once
	if err != nil {
		return err
	}
	defer backend.Close()
	s := study{backend: backend.GoMLX, points: 1 << 14, widths: []int{16, 64, 256, 1024, 4096}, draws: 10, every: 5, steps: 100}
	r, err := s.run(ctx)
	if err != nil {
		return err
	}
	for _, q := range []struct {
		name string
		v    []float64
	}{{"outputs", r.outputs}, {"a", r.a}, {"angle of w", r.angle}} {
		last := len(q.v) - 1
		fmt.Printf("%s: distance from the limit %.3g at width %d, exponent %.3f\n", q.name, q.v[last], s.widths[last],
			math.Log(q.v[last]/q.v[0])/math.Log(float64(s.widths[last])/float64(s.widths[0])))
	}
	return r.draw(folder)
}
