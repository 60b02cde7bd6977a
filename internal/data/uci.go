package data

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// uciName is the folder of the UCI sets; uci/NAME opens one of them.
const uciName = "uci"

// uciSets is the collection; it is not a set itself.
var uciSets = namedSet{
	name:    uciName,
	source:  "UCI Machine Learning Repository, in the collection of Fernandez-Delgado et al., JMLR 2014",
	license: "each set's own, as the UCI Machine Learning Repository states it",
}

// uciIndex lists the sets, a row each after a header.
const uciIndex = "INDEX.csv"

// UCINames returns the names of the UCI sets, in alphabetical order: Open
// reads the set iris as uci/iris.
func UCINames() ([]string, error) {
	pins, err := readPins(pinnedSums)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range pins[uciName] {
		if name, ok := strings.CutSuffix(p.file, ".csv"); ok && p.file != uciIndex {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// findUCI returns the set that uci/NAME asks for. A path with more slashes,
// or a dot as in uci/iris.csv, is that of a file.
func findUCI(name string) (set string, ok bool) {
	set, ok = strings.CutPrefix(name, uciName+"/")
	return set, ok && set != "" && !strings.ContainsAny(set, `./\`)
}

// uciTable opens a UCI set, labels last in each line. Its inputs differ in
// scale by far, so they are standardized unless the user says otherwise.
func uciTable(ctx context.Context, name string, o Options) (*table, error) {
	full := uciName + "/" + name
	if o.Labels != "" && o.Labels != noLabels {
		return nil, fmt.Errorf("data: %s has its own labels, %q cannot replace them", full, o.Labels)
	}
	folder, err := uciSets.folder(o)
	if err != nil {
		return nil, err
	}
	entry, err := readUCIEntry(filepath.Join(folder, uciIndex), name)
	if err != nil {
		return nil, err
	}
	t, err := csvTable(ctx, filepath.Join(folder, name+".csv"), Options{Task: o.Task, MaxBytes: o.MaxBytes})
	if err != nil {
		return nil, err
	}
	if o.Labels == noLabels {
		t.labels = labels{}
	}
	t.name, t.source, t.license = full, uciSets.source, uciSets.license
	t.scale = scaleFeature
	t.notes = append(t.notes, "nominal inputs, if any, as level numbers")
	if entry.missing != "0" {
		t.notes = append(t.notes, entry.missing+" missing values of the whole set replaced by their input's mean")
	}
	return t, nil
}

// A uciEntry is what the index says of a set.
type uciEntry struct{ missing string }

// readUCIEntry finds a set's row in the index.
func readUCIEntry(path, name string) (uciEntry, error) {
	f, err := os.Open(path)
	if err != nil {
		return uciEntry{}, fmt.Errorf("%w: \"ntk data fetch %s\" gets it", err, uciName)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return uciEntry{}, fmt.Errorf("%s: %w", path, err)
	}
	if len(rows) == 0 {
		return uciEntry{}, fmt.Errorf("%s: a header expected, nothing found", path)
	}
	missing := slices.Index(rows[0], "missing")
	if rows[0][0] != "name" || missing < 0 {
		return uciEntry{}, fmt.Errorf("%s: columns name (the first) and missing expected, %q found", path, rows[0])
	}
	for _, row := range rows[1:] {
		if row[0] == name {
			return uciEntry{missing: row[missing]}, nil
		}
	}
	return uciEntry{}, fmt.Errorf("data: no UCI set is called %q: %s lists the %d there are", name, path, len(rows)-1)
}
