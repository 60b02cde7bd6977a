package report

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func text(t *testing.T, table Table, width int, color bool) string {
	t.Helper()
	var b strings.Builder
	if err := table.WriteText(&b, width, color); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var way = Table{
	Columns: []Column{{Name: "weight"}, {Name: "way"}, {Name: "time", Unit: "ms", Align: Right}},
	Rows: [][]string{
		{"日本/重み", "factor", "1.5"},
		{"café", "materialize one block at a time", "120"},
	},
}

// Laid out by hand; 日本/重み takes 9 columns, the decomposed café 4.
func TestTableText(t *testing.T) {
	want := `weight     way                              time (ms)
─────────  ───────────────────────────────  ─────────
日本/重み  factor                                 1.5
café       materialize one block at a time        120
`
	if d := cmp.Diff(want, text(t, way, 0, false)); d != "" {
		t.Error(d)
	}
	want = `weight     way                  time (ms)
─────────  ───────────────────  ─────────
日本/重み  factor                     1.5
café       materialize one            120
           block at a time
`
	if d := cmp.Diff(want, text(t, way, 41, false)); d != "" {
		t.Error(d)
	}
}

// Laws at every width: nothing is lost, numbers stay whole, and lines fit
// where the columns allow it.
func TestTableTextLaws(t *testing.T) {
	squeeze := func(s string) string { return strings.NewReplacer(" ", "", "\n", "").Replace(s) }
	for width := 1; width < 80; width++ {
		got := text(t, way, width, false)
		for _, cell := range []string{"120", "1.5", "time (ms)"} {
			if !strings.Contains(got, cell) {
				t.Errorf("width %d: %q is broken", width, cell)
			}
		}
		for _, line := range strings.Split(got, "\n") {
			// 8 + 8 for the text columns, 9 for numbers, 2 gaps of 2.
			if n := displayWidth(line); n > max(width, 29) {
				t.Errorf("width %d: a line of %d: %q", width, n, line)
			}
		}
		if width >= 29 {
			var words int
			for _, w := range []string{"materialize", "block", "factor", "日本"} {
				words += strings.Count(squeeze(got), w)
			}
			if words < 3 {
				t.Errorf("width %d lost text:\n%s", width, got)
			}
		}
	}
}

func TestTableColor(t *testing.T) {
	plain, colored := text(t, way, 60, false), text(t, way, 60, true)
	if strings.Contains(plain, "\x1b") {
		t.Error("escape sequences without color")
	}
	stripped := strings.NewReplacer(bold, "", faint, "", reset, "").Replace(colored)
	if stripped != plain {
		t.Errorf("color changes the text:\n%s\n%s", stripped, plain)
	}
	if !strings.Contains(colored, bold) {
		t.Error("no color with color")
	}
}

// A cell cannot steer the terminal.
func TestTableHostile(t *testing.T) {
	got := text(t, Table{Caption: "a\x1b]0;x\x07", Columns: []Column{{Name: "n\x1b[2J"}}, Rows: [][]string{{"\x1b[31mred\r\u202e\xff"}}}, 0, false)
	for _, bad := range []string{"\x1b", "\r", "\x07", "\u202e"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q reaches the terminal: %q", bad, got)
		}
	}
	if !strings.Contains(got, `\u001b[31mred\u000d\u202e`) {
		t.Errorf("control characters are not shown: %q", got)
	}
}

func TestTableRefuses(t *testing.T) {
	for _, table := range []Table{{}, {Columns: []Column{{Name: "a"}}, Rows: [][]string{{"1"}, {"1", "2"}}}} {
		if err := table.WriteText(io.Discard, 0, false); !errors.Is(err, ErrInvalid) {
			t.Errorf("error %v, want ErrInvalid", err)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, tc := range []struct {
		s     string
		width int
		want  []string
	}{
		{"", 5, []string{""}},
		{"a b", 5, []string{"a b"}},
		{"aaa bbb", 4, []string{"aaa", "bbb"}},
		{"aaa bbb", 3, []string{"aaa", "bbb"}},
		{"aaaaaa", 4, []string{"aaaa", "aa"}},
		{"日本語", 4, []string{"日本", "語"}},
		{"a\nb", 9, []string{"a", "b"}},
	} {
		if d := cmp.Diff(tc.want, wrap(tc.s, tc.width)); d != "" {
			t.Errorf("wrap(%q, %d): %s", tc.s, tc.width, d)
		}
	}
	for _, s := range []string{"日", "  x", "e\u0301\u0301"} { // must end
		wrap(s, 1)
	}
}

func TestDisplayWidth(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "σ²": 2, "日本": 4, "e\u0301": 1, "Ａ": 2, "한": 2, "─": 1, "\u200d": 0} {
		if got := displayWidth(s); got != want {
			t.Errorf("displayWidth(%q) = %d, want %d", s, got, want)
		}
	}
}
