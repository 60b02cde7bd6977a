package onnx

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocs: the table of docs/models.md has every operator, once, and no other.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/models.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "| kind | operators |\n")
	if !ok {
		t.Fatal("docs/models.md has no table of operators")
	}
	table, _, _ := strings.Cut(rest, "\n\n")
	var got, want []string
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(table, -1) {
		got = append(got, m[1])
	}
	for op := range ops {
		want = append(want, op)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("docs/models.md has the operators\n%q, supported are\n%q", got, want)
	}
}
