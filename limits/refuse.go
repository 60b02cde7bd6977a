package limits

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gontk/ntk/graph"
)

// ErrNoLimit is matched by every [Refusal].
var ErrNoLimit = errors.New("no infinite-width limit is derived")

// A Refusal says which op of a model has no rule, and why.
type Refusal struct {
	// Op is the op, Source the line of user code that built it, "" if unknown.
	Op, Source string
	// Weight is the scope and name of the weight that the refusal is about, or
	// that is nearest above the op; "" if none is.
	Weight string
	// Reason says what the op does that no rule covers.
	Reason string
	// MonteCarlo is a command that serves instead: it computes Θ of networks drawn
	// from many seeds. In it MODEL, DATA and DIR stand for what the caller has.
	MonteCarlo string
}

// place says which op it is, where it was built, and near which weight.
func (r *Refusal) place() string {
	var at []string
	if r.Source != "" {
		at = append(at, r.Source)
	}
	if r.Weight != "" {
		at = append(at, "nearest weight "+r.Weight)
	}
	if len(at) == 0 {
		return r.Op
	}
	return r.Op + " (at " + strings.Join(at, ", ") + ")"
}

// Error implements error, on one line.
func (r *Refusal) Error() string {
	return fmt.Sprintf("limits: %s: %s; %v: Monte Carlo over initializations serves: %s", r.place(), r.Reason, ErrNoLimit, r.MonteCarlo)
}

// Is makes errors.Is(err, ErrNoLimit) hold.
func (r *Refusal) Is(target error) bool { return target == ErrNoLimit }

// monteCarlo is the command that estimates what is not derived; a test of
// package cmd runs it.
const monteCarlo = "ntk diagnose --model MODEL --data DATA --seeds 32 --out DIR"

// refuse ends the derivation because of the op e.
func (d *derivation) refuse(e *graph.Eqn, format string, args ...any) {
	panic(d.refusal(e, format, args...))
}

func (d *derivation) refusal(e *graph.Eqn, format string, args ...any) *Refusal {
	r := &Refusal{Op: e.Op.String(), Source: e.Source(), Reason: fmt.Sprintf(format, args...), MonteCarlo: monteCarlo}
	param := d.program.NearestWeight(e, func(v *graph.Value) bool { return d.variables[v] != nil })
	for v, w := range d.variables {
		if v.Def.Attrs.(graph.ParameterAttrs).Name == param {
			r.Weight = w.name
		}
	}
	return r
}

// catch runs f and returns the refusal that it ends with, if it does.
func catch(f func()) (err error) {
	defer func() {
		if x := recover(); x != nil {
			r, ok := x.(*Refusal)
			if !ok {
				panic(x)
			}
			err = r
		}
	}()
	f()
	return nil
}
