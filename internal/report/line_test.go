package report

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A node is an element of a parsed SVG.
type node struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []node     `xml:",any"`
}

func (n node) attr(name string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (n node) number(t *testing.T, name string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(n.attr(name), 64)
	if err != nil {
		t.Fatalf("<%s %s=%q>: %v", n.XMLName.Local, name, n.attr(name), err)
	}
	return v
}

// find returns the elements of a name and class; an empty class means any.
func (n node) find(name, class string) (out []node) {
	if n.XMLName.Local == name && (class == "" || n.attr("class") == class) {
		out = append(out, n)
	}
	for _, c := range n.Children {
		out = append(out, c.find(name, class)...)
	}
	return out
}

// parse renders a figure and parses it as strict XML.
func parse(t *testing.T, f Figure) node {
	t.Helper()
	var b strings.Builder
	if err := f.SVG(&b, "f"); err != nil {
		t.Fatal(err)
	}
	var root node
	d := xml.NewDecoder(strings.NewReader(strings.TrimSpace(b.String())))
	if err := d.Decode(&root); err != nil {
		t.Fatalf("not well-formed: %v\n%s", err, b.String())
	}
	if _, err := d.Token(); err != io.EOF {
		t.Errorf("something follows the root element: %v", err)
	}
	if bad := regexp.MustCompile(`NaN|Inf`).FindString(stripText(b.String())); bad != "" {
		t.Errorf("%s in an attribute of\n%s", bad, b.String())
	}
	return root
}

// stripText leaves tags only.
func stripText(svg string) string {
	return regexp.MustCompile(`>[^<]*<`).ReplaceAllString(svg, "><")
}

// points returns the vertices of a path made of M and L commands.
func points(t *testing.T, d string) (out [][2]float64) {
	t.Helper()
	for _, p := range regexp.MustCompile(`[ML]([-0-9.]+) ([-0-9.]+)`).FindAllStringSubmatch(d, -1) {
		x, _ := strconv.ParseFloat(p[1], 64)
		y, _ := strconv.ParseFloat(p[2], 64)
		out = append(out, [2]float64{x, y})
	}
	return out
}

// Coordinates are rounded to 0.1.
const rounding = 0.0501

func near(a, b float64) bool { return math.Abs(a-b) <= rounding }

func TestLineCoordinates(t *testing.T) {
	root := parse(t, Line{
		Title: "T", X: Axis{Log: true}, Y: Axis{},
		Series: []Series{{X: []float64{1, 10, 100}, Y: []float64{-1, 0, 3}}},
	})
	got := points(t, root.find("path", "line")[0].attr("d"))
	if len(got) != 3 {
		t.Fatalf("%d vertices, want 3", len(got))
	}
	// By hand. No legend: the plot begins at 0·20+20+10 = 30 and ends at 300.
	// The widest y label is "−1", 1.6 + 1 characters at 0.62·15 = 9.3, with 9
	// for tick and gap: the plot begins at 33.18 and ends at 520−14 = 506.
	// x has 4 % of 2 decades at each end: 1 is at 0.08/2.16 of the width.
	// y has 4 % of 4: −1 is 0.16/4.32 of the height above 300.
	for i, want := range [][2]float64{
		{33.18 + 472.82*0.08/2.16, 300 - 270*0.16/4.32},
		{33.18 + 472.82*1.08/2.16, 300 - 270*1.16/4.32},
		{33.18 + 472.82*2.08/2.16, 300 - 270*4.16/4.32},
	} {
		if !near(got[i][0], want[0]) || !near(got[i][1], want[1]) {
			t.Errorf("point %d at %v, want %v", i, got[i], want)
		}
	}
	if n := len(root.find("path", "dot")); n != 3 {
		t.Errorf("%d markers, want 3", n)
	}
	// The markers' tooltips hold the values.
	if title := root.find("path", "dot")[2].Children[0].Text; title != "100, 3" {
		t.Errorf("tooltip %q", title)
	}
}

func TestLineLogDrops(t *testing.T) {
	l := Line{
		X: Axis{Log: true}, Y: Axis{Log: true},
		Series: []Series{{
			Name: "λ",
			X:    []float64{1, 2, 3, 4, 5, 0, 7, math.Inf(1)},
			Y:    []float64{9, 8, 0, 6, -1, 4, math.NaN(), 2},
		}},
	}
	notes := strings.Join(l.Describe().Notes, "\n")
	want := "“λ”: 5 of 8 points not drawn: 2 NaN, infinite or beyond 1e±300, 3 zero or negative on a logarithmic axis."
	if notes != want {
		t.Errorf("notes %q, want %q", notes, want)
	}
	// 9 and 8 are joined; 6 is alone and has a marker but no line.
	root := parse(t, l)
	lines, dots := root.find("path", "line"), root.find("path", "dot")
	if len(lines) != 1 || len(points(t, lines[0].attr("d"))) != 2 || len(dots) != 3 {
		t.Errorf("%d lines, %d markers; want one line of 2 points, 3 markers", len(lines), len(dots))
	}
	// The table keeps what the plot drops.
	if n := len(l.Table().Rows); n != 8 {
		t.Errorf("table has %d rows, want 8", n)
	}
}

func TestLineIntervals(t *testing.T) {
	s := Series{
		X: []float64{1, 2, 3, 4}, Y: []float64{1, 2, 3, 4},
		Low:  []float64{0.5, -1, math.NaN(), 3},
		High: []float64{2, 3, 4, 5},
	}
	l := Line{Y: Axis{Log: true}, Series: []Series{s}}
	root := parse(t, l)
	bars := root.find("path", "bar")
	if len(bars) != 3 {
		t.Fatalf("%d error bars, want 3", len(bars))
	}
	// The interval that reaches below zero ends at the plot's lower edge, 300.
	if d := bars[1].attr("d"); !strings.Contains(d, "V300M") {
		t.Errorf("cut interval %q does not end at 300", d)
	}
	notes := strings.Join(l.Describe().Notes, " ")
	for _, want := range []string{"1 interval not drawn", "1 interval reaches to zero or below"} {
		if !strings.Contains(strings.ToLower(notes), want) {
			t.Errorf("notes %q lack %q", notes, want)
		}
	}
	// As a band: points 1 and 2 make an area of four corners, point 4 a bar.
	l.Series[0].Band = true
	root = parse(t, l)
	bands := root.find("path", "band")
	if len(bands) != 1 || len(points(t, bands[0].attr("d"))) != 4 || len(root.find("path", "bar")) != 1 {
		t.Errorf("%d bands, %d bars; want one band of 4 corners and one bar", len(bands), len(root.find("path", "bar")))
	}
}

func TestLineDegenerate(t *testing.T) {
	for name, s := range map[string]Series{
		"no points":     {Name: "a"},
		"one point":     {Y: []float64{3}},
		"all equal":     {Y: []float64{3, 3, 3}},
		"all NaN":       {Y: []float64{math.NaN(), math.NaN()}},
		"zero":          {Y: []float64{0}},
		"extremes":      {Y: []float64{-1e300, 1e300, math.MaxFloat64}},
		"nearly equal":  {Y: []float64{1, 1 + 1e-15}},
		"subnormal":     {Y: []float64{5e-324, 1e-310}},
		"same abscissa": {X: []float64{2, 2}, Y: []float64{1, 5}},
	} {
		for _, log := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, log %v", name, log), func(t *testing.T) {
				l := Line{X: Axis{Log: log}, Y: Axis{Log: log}, Series: []Series{s}}
				root := parse(t, l)
				if root.find("desc", "")[0].Text == "" {
					t.Error("no text alternative")
				}
				for _, text := range root.find("text", "") {
					if x := text.number(t, "x"); x < 0 || x > plotWidth {
						t.Errorf("text %q at x = %g", text.Text, x)
					}
				}
			})
		}
	}
	parse(t, Line{})
}

func TestLineRefuses(t *testing.T) {
	for name, s := range map[string]Series{
		"x and y":          {X: []float64{1}, Y: []float64{1, 2}},
		"ends":             {Y: []float64{1}, Low: []float64{1}},
		"intervals":        {Y: []float64{1, 2}, Low: []float64{1}, High: []float64{1}},
		"upside down":      {Y: []float64{1}, Low: []float64{2}, High: []float64{1}},
		"no y, intervals":  {Low: []float64{2}, High: []float64{3}},
		"x without any y":  {X: []float64{2}},
		"ends without any": {High: []float64{2}},
	} {
		l := Line{Title: "T", Series: []Series{s}}
		if err := l.SVG(io.Discard, "f"); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: error %v, want ErrInvalid", name, err)
		}
		// The others must not panic on what SVG refuses.
		if l.Describe(); l.Table() != nil {
			t.Errorf("%s: a table of invalid data", name)
		}
	}
}

// A thinned line has the extremes of the full one in every column; the oracle
// scans all points.
func TestThinRun(t *testing.T) {
	const n, columns = 100000, 50
	run := make([]point, n)
	for i := range run {
		run[i] = point{x: float64(i), y: math.Sin(float64(i*i%1013)) * float64(i%77)}
	}
	s := scale{lo: 0, hi: n, from: 0, to: columns}
	kept := thinRun(run, s)
	if len(kept) > 4*columns {
		t.Errorf("%d points kept, want at most %d", len(kept), 4*columns)
	}
	extremes := func(run []point) (e [columns]span) {
		for _, p := range run {
			e[int(p.x*columns/n)].add(p.y)
		}
		return e
	}
	if extremes(run) != extremes(kept) {
		t.Error("thinning changed the lowest or highest point of a column")
	}
	if !slices.IsSortedFunc(kept, func(a, b point) int { return int(a.x - b.x) }) {
		t.Error("kept points are out of order")
	}

	y := make([]float64, n)
	for i := range y {
		y[i] = run[i].y
	}
	l := Line{Series: []Series{{Name: "long", Y: y}}}
	if notes := l.Describe().Notes; len(notes) != 1 || !strings.Contains(notes[0], "of its 100000 points") {
		t.Errorf("notes %q do not tell of thinning", notes)
	}
	if c := l.Table().Caption; !strings.Contains(c, "one row in 100 of 100000") {
		t.Errorf("caption %q does not tell of thinning", c)
	}
}

func TestLegend(t *testing.T) {
	l := Line{}
	for i := range 30 {
		l.Series = append(l.Series, Series{Name: strings.Repeat("name ", 1+i), Y: []float64{1, 2}})
	}
	seen := map[look]bool{}
	for _, k := range l.legend().keys {
		if right := k.x + sampleWidth + 6 + textWidth(k.name); right > plotWidth {
			t.Errorf("key %q ends at %g of %g", k.name, right, plotWidth)
		}
		if seen[k.look] {
			t.Errorf("key %q looks like another", k.name)
		}
		seen[k.look] = true
	}
	if (Line{Series: l.Series[:1]}).legend().rows != 0 {
		t.Error("one series has a legend")
	}
	parse(t, l)
}
