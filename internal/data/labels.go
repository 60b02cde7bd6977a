package data

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// What labels are for.
const (
	taskClasses    = "classes"
	taskRegression = "regression"
)

// maxGuessedClasses is where integers are no longer taken for classes unless
// the user says so: counts and prices are integers too.
const maxGuessedClasses = 1000

// labels are those of a whole file; the zero value is no labels.
type labels struct {
	file    string
	values  []float64 // [N, width]
	width   int
	classes int
	names   []string
	note    string
}

// covers reports an error unless there are labels for n examples or none.
func (l labels) covers(n int, file string) error {
	if l.values == nil || len(l.values) == n*l.width {
		return nil
	}
	return fmt.Errorf("%s: %d examples, but %s has %d labels", file, n, l.file, len(l.values)/l.width)
}

// numericLabels takes numbers [N, width] for classes or targets; integers
// says that the file stores them as integers.
func numericLabels(file string, values []float64, width int, integers bool, task string) (labels, error) {
	if width < 1 {
		return labels{}, fmt.Errorf("%s: labels of width 0", file)
	}
	for i, v := range values {
		if notFinite(v) {
			return labels{}, fmt.Errorf("%s: the label of example %d is %v", file, i/width, v)
		}
	}
	if task == taskRegression || task == "" && !integers {
		return labels{file: file, values: values, width: width}, nil
	}
	if width > 1 {
		return labels{}, fmt.Errorf("%s: %d integers per label, a class is one: if they are targets, say task regression", file, width)
	}
	for i, v := range values {
		if v != math.Trunc(v) {
			return labels{}, fmt.Errorf("%s: the label of example %d is %v, a class is an integer", file, i, v)
		}
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(values)))
	if task == "" && len(distinct) > maxGuessedClasses {
		return labels{}, fmt.Errorf("%s: %d different integers as labels: say whether the task is classes or regression", file, len(distinct))
	}
	names := make([]string, len(distinct))
	for k, v := range distinct {
		names[k] = strconv.FormatFloat(v, 'f', -1, 64)
	}
	l := labels{file: file, values: make([]float64, len(values)), width: 1, classes: len(distinct), names: names}
	for i, v := range values {
		k, _ := slices.BinarySearch(distinct, v)
		l.values[i] = float64(k)
	}
	if last := len(distinct) - 1; last >= 0 && (distinct[0] != 0 || distinct[last] != float64(last)) {
		l.note = fmt.Sprintf("labels %s..%s numbered 0..%d", names[0], names[last], last)
	}
	return l, nil
}

// textLabels takes a column of text for numbers if all of it parses, else
// for the names of classes, numbered in alphabetical order.
func textLabels(file string, text []string, task string) (labels, error) {
	values := make([]float64, len(text))
	integers := true
	number, word := -1, -1 // an example with a numeric label, and one without
	for i, t := range text {
		v, err := strconv.ParseFloat(t, 64)
		if err != nil {
			word = i
			continue
		}
		number = i
		if _, err := strconv.ParseInt(t, 10, 64); err != nil {
			integers = false
		}
		values[i] = v
	}
	switch {
	case word < 0:
		return numericLabels(file, values, 1, integers, task)
	case task == taskRegression:
		return labels{}, fmt.Errorf("%s: the label of example %d is %q, not a number", file, word, text[word])
	case number >= 0 && task == "":
		return labels{}, fmt.Errorf("%s: labels mix numbers (example %d: %q) and text (example %d: %q): say task classes to take all as names",
			file, number, text[number], word, text[word])
	}
	names := slices.Compact(slices.Sorted(slices.Values(text)))
	for i, t := range text {
		k, _ := slices.BinarySearch(names, t)
		values[i] = float64(k)
	}
	return labels{file: file, values: values, width: 1, classes: len(names), names: names}, nil
}

// namedClasses numbers bytes 0..len(names)-1 as they are.
func namedClasses(file string, values []float64, names []string) (labels, error) {
	for i, v := range values {
		if v < 0 || int(v) >= len(names) || v != math.Trunc(v) {
			return labels{}, fmt.Errorf("%s: the label of example %d is %v, expected 0..%d", file, i, v, len(names)-1)
		}
	}
	return labels{file: file, values: values, width: 1, classes: len(names), names: names}, nil
}
