package report

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func ramp(rows, cols int) Heatmap {
	h := Heatmap{Title: "H", Rows: rows, Cols: cols, Values: make([]float64, rows*cols)}
	for i := range h.Values {
		h.Values[i] = float64(i)
	}
	return h
}

// picture decodes the first image of a heat map.
func picture(t *testing.T, h Heatmap) image.Image {
	t.Helper()
	uri := parse(t, h).find("image", "")[0].attr("href")
	data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(uri, "data:image/png;base64,"))
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// Oracle: each entry is added to the block that it belongs to, in one pass
// over entries. Integers below 2⁵³ sum exactly, so the means are equal.
func TestBlockMeans(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, tc := range [][3]int{{1, 1, 1}, {5, 7, 1}, {6, 4, 2}, {7, 5, 3}, {300, 257, 2}, {1, 1000, 4}} {
		rows, cols, block := tc[0], tc[1], tc[2]
		values := make([]float64, rows*cols)
		sums, counts := map[[2]int]float64{}, map[[2]int]float64{}
		for i := range values {
			values[i] = float64(rng.IntN(2000) - 1000)
			at := [2]int{i / cols / block, i % cols / block}
			sums[at] += values[i]
			counts[at]++
		}
		means, height, width := blockMeans(values, rows, cols, block)
		if height*width != len(sums) || len(means) != len(sums) {
			t.Fatalf("%v: %d × %d blocks, want %d", tc, height, width, len(sums))
		}
		for at, sum := range sums {
			if got, want := means[at[0]*width+at[1]], sum/counts[at]; got != want {
				t.Errorf("%v: block %v is %g, want %g", tc, at, got, want)
			}
		}
	}
}

func TestHeatmapPixels(t *testing.T) {
	img := picture(t, ramp(2, 3)) // 0 … 5 in viridis, published ends
	if img.Bounds().Dx() != 3 || img.Bounds().Dy() != 2 {
		t.Fatalf("image is %v, want 3 × 2", img.Bounds())
	}
	for at, want := range map[image.Point]color.RGBA{
		{X: 0, Y: 0}: {0x44, 0x01, 0x54, 0xff},
		{X: 2, Y: 1}: {0xfd, 0xe7, 0x25, 0xff},
	} {
		if got := color.RGBAModel.Convert(img.At(at.X, at.Y)); got != want {
			t.Errorf("pixel %v is %v, want %v", at, got, want)
		}
	}

	// Both signs: centred at zero although the range is −1 … 3; NaN is grey.
	h := Heatmap{Rows: 2, Cols: 2, Values: []float64{-1, 0, 3, math.NaN()}}
	img = picture(t, h)
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(img.At(x, y)).(color.RGBA) }
	if c := at(1, 0); c.R < 0xf0 || c.G < 0xf0 || c.B < 0xf0 {
		t.Errorf("zero is %v, want nearly white", c)
	}
	if blue, red := at(0, 0), at(0, 1); blue.B <= blue.R || red.R <= red.B {
		t.Errorf("−1 is %v, want bluish; 3 is %v, want reddish", blue, red)
	}
	if at(1, 1) != missing {
		t.Errorf("NaN is %v, want %v", at(1, 1), missing)
	}
	if notes := strings.Join(h.Describe().Notes, " "); !strings.Contains(notes, "1 entry is NaN") {
		t.Errorf("notes %q do not tell of the NaN", notes)
	}
}

func TestHeatmapDownsampled(t *testing.T) {
	h := ramp(300, 600)
	if b := picture(t, h).Bounds(); b.Dx() != 200 || b.Dy() != 100 {
		t.Errorf("image is %v, want 200 × 100", b)
	}
	if notes := strings.Join(h.Describe().Notes, " "); !strings.Contains(notes, "300 × 600 entries; each cell is the mean of 3 × 3") {
		t.Errorf("notes %q do not tell of the means", notes)
	}
	if h.block() != 3 || ramp(256, 256).block() != 1 || ramp(257, 1).block() != 2 {
		t.Error("blocks are not the smallest that fit 256 cells")
	}
	if notes := ramp(256, 256).Describe().Notes; len(notes) != 0 {
		t.Errorf("a matrix shown whole has notes %q", notes)
	}
	// 257 = 128·2 + 1: the image covers 258 entries of a view box of 257.
	inner := parse(t, ramp(257, 257)).find("svg", "")[1]
	if inner.attr("viewBox") != "0 0 257 257" || inner.Children[0].attr("width") != "258" {
		t.Errorf("view box %q, image width %q", inner.attr("viewBox"), inner.Children[0].attr("width"))
	}
}

func TestHeatmapGroups(t *testing.T) {
	h := ramp(4, 6)
	h.RowGroups = []Group{{"low", 1}, {"high", 3}}
	h.ColGroups = []Group{{"a", 2}, {"b", 4}}
	table := h.Table()
	// By hand: rows 0…5; 6…11, 12…17, 18…23.
	// low·a = (0+1)/2, low·b = (2+…+5)/4, high·a = 12.5, high·b = 15.5.
	want := "[[low 0.5 3.5] [high 12.5 15.5]]"
	if got := fmt.Sprint(table.Rows); got != want {
		t.Errorf("means of groups %s, want %s", got, want)
	}
	root := parse(t, h)
	var names []string
	for _, n := range root.find("text", "muted") {
		names = append(names, strings.TrimSpace(n.Text))
	}
	for _, want := range []string{"low", "high", "a", "b"} {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+want+" ") {
			t.Errorf("labels %q lack %q", names, want)
		}
	}
	// Many narrow groups lose their names, and a note says so.
	h = ramp(200, 200)
	for i := range 100 {
		h.RowGroups = append(h.RowGroups, Group{fmt.Sprint("class ", i), 2})
	}
	if notes := strings.Join(h.Describe().Notes, " "); !strings.Contains(notes, "100 groups are too narrow") {
		t.Errorf("notes %q do not tell of the names", notes)
	}
	parse(t, h)
}

func TestHeatmapRange(t *testing.T) {
	h := ramp(1, 5)
	h.Low, h.High = 1, 3
	if notes := strings.Join(h.Describe().Notes, " "); !strings.Contains(notes, "2 cells are outside") {
		t.Errorf("notes %q do not tell of clipping", notes)
	}
	for name, values := range map[string][]float64{
		"constant": {7, 7}, "zero": {0, 0}, "missing": {math.NaN(), math.Inf(1)}, "huge": {-1e300, 1e300},
		"one huge": {1e300, 1e300}, "nearly equal": {1, 1 + 1e-15}, "negative": {-3, -1},
	} {
		t.Run(name, func(t *testing.T) { parse(t, Heatmap{Rows: 1, Cols: 2, Values: values}) })
	}
}

func TestHeatmapRefuses(t *testing.T) {
	for name, h := range map[string]Heatmap{
		"empty":          {},
		"negative":       {Rows: -1, Cols: -1, Values: []float64{1}},
		"too few values": {Rows: 2, Cols: 2, Values: make([]float64, 3)},
		"overflow":       {Rows: 1 << 32, Cols: 1 << 32},
		"groups":         {Rows: 2, Cols: 1, Values: make([]float64, 2), RowGroups: []Group{{"a", 1}}},
		"negative group": {Rows: 2, Cols: 1, Values: make([]float64, 2), RowGroups: []Group{{"a", 3}, {"b", -1}}},
		"range":          {Rows: 1, Cols: 1, Values: make([]float64, 1), Low: 2, High: 1},
		"NaN range":      {Rows: 1, Cols: 1, Values: make([]float64, 1), Low: math.NaN()},
	} {
		if err := h.SVG(io.Discard, "f"); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: error %v, want ErrInvalid", name, err)
		}
		if h.Describe(); h.Table() != nil {
			t.Errorf("%s: a table of invalid data", name)
		}
	}
}

func TestBars(t *testing.T) {
	long := "/encoder/block_11/multi_head_attention/query/weights"
	b := Bars{Label: "share", Unit: "%", Items: []Bar{{"a", 40}, {long, 10}, {"c", 0}, {"d", math.NaN()}}}
	root := parse(t, b)
	bars := root.find("rect", "dot")
	if len(bars) != 3 {
		t.Fatalf("%d bars, want 3: NaN has none", len(bars))
	}
	// By hand: values begin at labelRoom + 8 and end 10 before the widest
	// value, "40 %" of 4 characters at 9.3. The long label takes at most 220.
	full := 520 - 4*9.3 - 10 - (220 + 8)
	for i, want := range []float64{full, full / 4, 0} {
		if got := bars[i].number(t, "width"); !near(got, want) {
			t.Errorf("bar %d is %g wide, want %g", i, got, want)
		}
	}
	// The long label is cut, and its tooltip is whole.
	found := false
	for _, n := range root.find("text", "ink") {
		if len(n.Children) == 1 && n.Children[0].Text == long {
			found = strings.Contains(n.Text, "…") && textWidth(n.Text) <= maxLabelRoom
		}
	}
	if !found {
		t.Error("the long label is not cut with its whole as a tooltip")
	}
	if notes := strings.Join(b.Describe().Notes, " "); !strings.Contains(notes, "1 value is NaN") {
		t.Errorf("notes %q do not tell of the NaN", notes)
	}

	// Negative values go left of zero.
	bars = parse(t, Bars{Items: []Bar{{"a", -1}, {"b", 3}}}).find("rect", "dot")
	if left, right := bars[0], bars[1]; !near(left.number(t, "x")+left.number(t, "width"), right.number(t, "x")) {
		t.Error("bars of both signs do not meet at zero")
	}

	parse(t, Bars{})
	many := Bars{Items: make([]Bar, 100)}
	if n := len(parse(t, many).find("rect", "dot")); n != maxBars || len(many.Describe().Notes) != 1 || len(many.Table().Rows) != 100 {
		t.Errorf("of 100 bars %d are drawn, notes %q", n, many.Describe().Notes)
	}
}
