package models

import (
	"fmt"
	"math"
	"strings"
)

// A trend is what a slope says: sizes shrink, stay or grow with the width.
type trend int

const (
	unclear trend = iota
	shrinks
	stays
	grows
)

// trend tells a slope from 0 where it is larger than twice its error and than
// what finite widths are off by.
func (s Scaled) trend() trend {
	const finiteWidth = 0.15
	err := s.Error
	if math.IsNaN(err) { // of two widths and one seed
		err = 0
	}
	switch least := max(finiteWidth, 2*err); {
	case math.IsNaN(s.Slope):
		return unclear
	case s.Slope > least:
		return grows
	case s.Slope < -least:
		return shrinks
	case err > finiteWidth:
		return unclear
	}
	return stays
}

// Verdicts say in words what the slopes mean: of hidden values at the start, of
// the output's change, and of hidden values' changes.
func (c *Coordinates) Verdicts() []string {
	if len(c.Layers) == 0 {
		return nil
	}
	hidden, output := c.Layers[:len(c.Layers)-1], c.Layers[len(c.Layers)-1]
	var all []string
	if len(hidden) > 0 {
		all = append(all, startVerdict(hidden))
	}
	all = append(all, outputVerdict(output.Update))
	if len(hidden) > 0 {
		all = append(all, featureVerdict(hidden))
	}
	return all
}

func startVerdict(hidden []Coordinate) string {
	var off []string
	for _, l := range hidden {
		if l.Start.trend() != stays {
			off = append(off, l.Name+" "+l.Start.follows())
		}
	}
	if len(off) == 0 {
		return "At the start hidden values are of one size at every width."
	}
	return "At the start hidden values depend on the width: " + strings.Join(off, ", ") + "."
}

func outputVerdict(update Scaled) string {
	switch update.trend() {
	case stays:
		return "The output moves equally far at every width: a learning rate that is good at one is good at all."
	case grows:
		return fmt.Sprintf("At one learning rate the output moves further in wider networks: it %s. Wider networks need smaller rates.", update.follows())
	case shrinks:
		return fmt.Sprintf("At one learning rate the output moves less far in wider networks: it %s. Wider networks need larger rates.", update.follows())
	}
	return fmt.Sprintf("How far the output moves follows no clear power of the width n: it %s. Use more seeds, larger widths or another rate.", update.follows())
}

func featureVerdict(hidden []Coordinate) string {
	still, moving := 0, 0
	var list []string
	for _, l := range hidden {
		switch l.Update.trend() {
		case shrinks:
			still++
		case stays:
			moving++
		}
		list = append(list, l.Name+" "+l.Update.follows())
	}
	switch len(hidden) {
	case moving:
		return "Hidden values move equally far at every width: features are learned at all."
	case still:
		return "Hidden values move less in wider networks: in the limit features stay and the kernel is constant (" + strings.Join(list, ", ") + ")."
	}
	return "Hidden values move by different powers of the width: " + strings.Join(list, ", ") + "."
}

// follows says which power of the width s follows.
func (s Scaled) follows() string {
	if math.IsNaN(s.Slope) {
		return "is 0 or not finite somewhere"
	}
	return "goes as n^" + s.Power()
}

// Power prints the slope and its error: "−0.48 ± 0.02".
func (s Scaled) Power() string {
	if math.IsNaN(s.Slope) {
		return "none"
	}
	text := strings.ReplaceAll(fmt.Sprintf("%.2f", s.Slope), "-", "−")
	if text == "−0.00" {
		text = "0.00"
	}
	if math.IsNaN(s.Error) {
		return text
	}
	return fmt.Sprintf("%s ± %.2f", text, s.Error)
}
