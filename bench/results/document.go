package main

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/predict"
)

const preface = `# Accuracies on real data

Written by ` + "`make results`" + `. Every number is one command line; those that were not computed are left out (–).
Parameters are chosen on the training examples alone, by the grids that ` + "`ntk predict --help`" + ` names: ridges 10⁻⁶ to
10² and C 10⁻² to 10⁴ by tens, over the mean of K(x, x); γ as below. Targets are 1 − 1/classes and −1/classes.

`

// document writes the tables of the cells that are there.
func document(cells []cell, sets []string) (string, error) {
	var b strings.Builder
	b.WriteString(preface)
	images(&b, cells)
	falkon(&b, cells)
	if err := uci(&b, cells, sets); err != nil {
		return "", err
	}
	versions := map[string]bool{}
	seconds := 0.0
	for _, c := range cells {
		if r := c.result; r != nil {
			versions[fmt.Sprintf("ntk %s, commit %s, GoMLX %s, %s", r.Version.NTK, cmp.Or(r.Version.Revision, "unknown"), r.Version.GoMLX, r.Version.Go)] = true
			seconds += r.Seconds
		}
	}
	fmt.Fprintf(&b, "## Where\n\nComputed by %s, in %.0f minutes, on %s.\n", strings.Join(slices.Sorted(maps.Keys(versions)), " and "), seconds/60, machine.Describe())
	return b.String(), nil
}

// images has means over subsets, with the standard deviation between them, and the
// binomial error of one.
func images(b *strings.Builder, cells []cell) {
	fmt.Fprintf(b, "## Images\n\nMean accuracy in %% over %d subsets (`--shuffle` %s), ± their standard deviation; in brackets the binomial error of one.\nPixels are standardized by channel over the training examples, parameters chosen in 5 folds of them. γ is one of 0.03, 0.1, 0.3, 1, 3.\nNetworks are trained by gradient descent with momentum 0.9 on the squared error, at half the largest stable rate, and tested\non other examples of the training set.\n\n| |", len(subsets), strings.Trim(strings.ReplaceAll(fmt.Sprint(subsets), " ", ", "), "[]"))
	for _, s := range imageSets {
		fmt.Fprintf(b, " %s |", s.name)
	}
	fmt.Fprintf(b, "\n|---|%s\n", strings.Repeat("---|", len(imageSets)))
	for _, m := range imageLearners {
		fmt.Fprintf(b, "| %s |", m.name)
		for _, s := range imageSets {
			var v []float64
			noise := 0.0
			for _, c := range cells {
				if c.table == "images" && c.row == m.name && c.column == s.name && c.result != nil {
					v, noise = append(v, 100*c.result.Accuracy), max(noise, 100*c.result.Error)
				}
			}
			b.WriteString(" " + spread(v, noise) + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString("\nThe commands, with `--shuffle` 1 to 3 and one of the sets:\n\n```sh\n")
	for _, m := range imageLearners {
		if m.trained {
			fmt.Fprintf(b, "ntk evolve %s --shuffle 1 %s\n", m.args, imageSets[0].trained)
			continue
		}
		fmt.Fprintf(b, "ntk predict %s --shuffle 1 %s\n", m.args, imageSets[0].args)
	}
	b.WriteString("```\n\n")
}

// spread writes a mean and a standard deviation.
func spread(v []float64, noise float64) string {
	if len(v) == 0 {
		return "–"
	}
	mean, squares := 0.0, 0.0
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		squares += (x - mean) * (x - mean)
	}
	text := fmt.Sprintf("%.2f", mean)
	if len(v) > 1 {
		text += fmt.Sprintf(" ± %.2f", math.Sqrt(squares/float64(len(v)-1)))
	} else {
		text += " (one subset)"
	}
	return text + fmt.Sprintf(" (%.2f)", noise)
}

// uci compares the learners on the sets that all of them have a cell of.
func uci(b *strings.Builder, cells []cell, sets []string) error {
	rows := map[string][]*result{}
	for _, c := range cells {
		if c.table == "uci" && c.result != nil {
			rows[c.row] = append(rows[c.row], c.result)
		}
	}
	var names []string
	var all []float64
	for _, s := range sets {
		if len(rows[s]) == len(uciLearners) {
			names = append(names, s)
			for _, r := range rows[s] {
				all = append(all, r.Accuracy)
			}
		}
	}
	fmt.Fprintf(b, "## UCI\n\nSets of the UCI repository of at most %d examples, %d of %d computed: parameters chosen on one half after training on the\nother, then mean accuracy in %% over four folds (Fernández-Delgado et al. 2014). Features are standardized over all examples.\n\n", uciLargest, len(names), len(sets))
	if len(names) == 0 {
		return nil
	}
	standings, err := predict.Standings(predict.Matrix{Rows: len(names), Cols: len(uciLearners), Data: all})
	if err != nil {
		return err
	}
	b.WriteString("Among these classifiers alone, not those of the publications:\n\n| classifier | mean accuracy | Friedman rank | P90 | P95 | PMA |\n|---|---|---|---|---|---|\n")
	for m, s := range standings {
		fmt.Fprintf(b, "| %s | %.2f | %.2f | %.1f | %.1f | %.2f |\n", uciLearners[m].name, 100*s.Mean, s.Rank, 100*s.P90, 100*s.P95, 100*s.PMA)
	}
	b.WriteString("\nArora et al. (ICLR 2020) report 81.95 for the NTK over 90 sets of up to 5000 examples, with the data's own splits; sets and\nsplits here are others. P90 and P95 are shares of sets with at least 90 and 95 % of the best accuracy there, PMA the mean of\nthat ratio, in %.\n\n| set |")
	for _, m := range uciLearners {
		fmt.Fprintf(b, " %s |", m.name)
	}
	fmt.Fprintf(b, "\n|---|%s\n", strings.Repeat("---|", len(uciLearners)))
	for i, s := range names {
		fmt.Fprintf(b, "| %s |", s)
		for m := range uciLearners {
			fmt.Fprintf(b, " %.2f |", 100*all[i*len(uciLearners)+m])
		}
		b.WriteString("\n")
	}
	b.WriteString("\n```sh\n")
	for _, m := range uciLearners {
		fmt.Fprintf(b, "ntk predict %s --train uci/wine --protocol uci\n", m.args)
	}
	b.WriteString("```\n\n")
	return nil
}
