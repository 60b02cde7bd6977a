package models_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gontk/ntk/models"
)

// TestDocs: docs/models.md has a row for every op, with its fields and no
// others, whose it is and whether a limit is expected, and one for every
// network of the zoo.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../docs/models.md")
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	names := func(cell string) (all []string) {
		for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
			all = append(all, m[1])
		}
		slices.Sort(all)
		return all
	}
	// Tables of ops have five columns, that of the zoo four.
	opRows, netRows := map[string][]string{}, map[string][]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		rows := map[int]map[string][]string{5 + 2: opRows, 4 + 2: netRows}[len(cells)]
		if rows == nil || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		for _, name := range names(cells[1]) {
			if _, twice := rows[name]; twice {
				t.Errorf("%s has two rows", name)
			}
			rows[name] = cells
		}
	}
	for op, fields := range models.OpFields() {
		cells, ok := opRows[op]
		if !ok {
			t.Errorf("op %s has no row", op)
			continue
		}
		slices.Sort(fields)
		if got := names(cells[3]); !slices.Equal(got, fields) {
			t.Errorf("op %s: the row has the fields %v, it has %v", op, got, fields)
		}
		if limit := strings.TrimSpace(cells[5]); strings.TrimSpace(cells[4]) == "" || !strings.HasPrefix(limit, "yes") && !strings.HasPrefix(limit, "no") {
			t.Errorf("op %s: whose %q, limit %q", op, cells[4], limit)
		}
	}
	for _, e := range models.List() {
		if _, ok := netRows[e.Name]; !ok {
			t.Errorf("network %s has no row", e.Name)
		}
	}
}
