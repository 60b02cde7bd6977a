// Depth draws what "ntk diagnose --json" says of several networks against their
// depth, into condition.svg and rate.svg of a folder:
//
//	ntk diagnose --model mlp --depths 1,2,4 --json > mlp.json
//	go run ./examples/depth docs/pictures mlp.json
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/gontk/ntk/internal/report"
)

// A diagnosis has what is drawn of docs/json.md's ntk/diagnose/1.
type diagnosis struct {
	Schema string
	Result struct {
		Model  string
		Depths []struct {
			Depth int
			Seeds []seed
		}
	}
}

type seed struct {
	Condition *float64
	Exact     bool     `json:"condition_exact"`
	Rate      *float64 `json:"max_rate_half_mean"`
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "depth: want a folder for the pictures, and files of ntk diagnose --json")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "depth:", err)
		os.Exit(1)
	}
}

func run(folder string, files []string) error {
	condition := report.Line{
		Title: "Condition number of Θ against depth",
		Y:     report.Axis{Label: "condition number λ1/λmin", Log: true},
	}
	rate := report.Line{
		Title: "Largest stable learning rate against depth",
		Y:     report.Axis{Label: "largest stable rate on ½mean(f−y)²", Log: true},
	}
	for _, file := range files {
		d, err := read(file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		if err := d.add(&condition, name, seed.condition); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := d.add(&rate, name, seed.rate); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	for name, l := range map[string]report.Line{"condition.svg": condition, "rate.svg": rate} {
		l.X = report.Axis{Label: "depth: layers, or residual blocks", Log: true}
		if err := write(filepath.Join(folder, name), l); err != nil {
			return err
		}
	}
	return nil
}

func read(file string) (*diagnosis, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var d diagnosis
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, err
	}
	if d.Schema != "ntk/diagnose/1" || len(d.Result.Depths) == 0 {
		return nil, errors.New("not what ntk diagnose --depths … --json writes")
	}
	return &d, nil
}

// condition refuses what is a bound only: it would look like a value.
func (s seed) condition() (float64, error) {
	if s.Condition == nil || !s.Exact {
		return 0, errors.New("the condition number is a lower bound; measure it with --dtype float64")
	}
	return *s.Condition, nil
}

func (s seed) rate() (float64, error) {
	if s.Rate == nil {
		return 0, errors.New("no largest rate: Θ is zero")
	}
	return *s.Rate, nil
}

// add adds a series: the geometric mean over seeds, and bars from the least to
// the largest.
func (d *diagnosis) add(l *report.Line, name string, of func(seed) (float64, error)) error {
	s := report.Series{Name: name}
	for _, depth := range d.Result.Depths {
		logs, low, high := 0.0, math.Inf(1), math.Inf(-1)
		for _, x := range depth.Seeds {
			v, err := of(x)
			if err != nil {
				return fmt.Errorf("depth %d: %w", depth.Depth, err)
			}
			logs += math.Log(v) / float64(len(depth.Seeds))
			low, high = min(low, v), max(high, v)
		}
		s.X, s.Y = append(s.X, float64(depth.Depth)), append(s.Y, math.Exp(logs))
		s.Low, s.High = append(s.Low, low), append(s.High, high)
	}
	l.Series = append(l.Series, s)
	return nil
}

func write(file string, l report.Line) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	return report.WriteSVG(f, l)
}
