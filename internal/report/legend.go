package report

import "fmt"

// A look tells one series from the others, by colour, dash and marker.
type look struct {
	class string // s1 … s7, coloured by the style sheet
	light string // the colour without a style sheet
	dash  string
	shape int
}

// seriesColors are the light palette: the hues of Okabe and Ito, who chose
// them to differ for the colour-blind, darkened until each has a contrast of 3
// and more against the page.
var seriesColors = []string{"#0072b2", "#c24e00", "#00795a", "#a8457f", "#8a6400", "#2e2e33", "#5b50c8"}

var dashes = []string{"none", "7 4", "2 3", "10 3 2 3", "14 4"}

const shapes = 6

// lookOf returns the look of the i-th series. Seven colours, five dashes and
// six markers repeat together only after 210 series.
func lookOf(i int) look {
	n := i % len(seriesColors)
	return look{fmt.Sprintf("s%d", n+1), seriesColors[n], dashes[i%len(dashes)], i % shapes}
}

// marker returns the path of the look's marker around (x, y).
func (l look) marker(x, y, r float64) string {
	switch l.shape {
	case 1: // square
		a := 0.9 * r
		return fmt.Sprintf("M%s %sh%sv%sh%sz", px(x-a), px(y-a), px(2*a), px(2*a), px(-2*a))
	case 2: // triangle
		return fmt.Sprintf("M%s %sL%s %sH%sz", px(x), px(y-1.2*r), px(x+1.2*r), px(y+r), px(x-1.2*r))
	case 3: // diamond
		a := 1.3 * r
		return fmt.Sprintf("M%s %sL%s %sL%s %sL%s %sz", px(x), px(y-a), px(x+a), px(y), px(x), px(y+a), px(x-a), px(y))
	case 4: // triangle, point down
		return fmt.Sprintf("M%s %sL%s %sH%sz", px(x), px(y+1.2*r), px(x+1.2*r), px(y-r), px(x-1.2*r))
	case 5: // plus
		a, b := 1.4*r, 0.5*r
		return fmt.Sprintf("M%s %sh%sv%sh%sv%sh%sv%sh%sv%sh%sv%sh%sz", px(x-b), px(y-a), px(2*b), px(a-b), px(a-b), px(2*b), px(b-a),
			px(a-b), px(-2*b), px(b-a), px(b-a), px(-2*b), px(a-b))
	default: // circle
		return fmt.Sprintf("M%s %sa%s %s 0 1 0 %s 0a%s %s 0 1 0 %s 0z", px(x-r), px(y), px(r), px(r), px(2*r), px(r), px(r), px(-2*r))
	}
}

// A legend is a paragraph of keys, wrapped to the width of the plot.
type legend struct {
	keys []key
	rows int
}

type key struct {
	x, y       float64 // left end of the sample, and its middle line
	name, full string
	look       look
	line       bool
}

// sampleWidth is the length of line that a key shows.
const sampleWidth = 34.0

// legend lays out the keys; one series needs none.
func (l Line) legend() legend {
	var g legend
	if len(l.Series) < 2 {
		return g
	}
	x, row := 0.0, 0
	for i, s := range l.Series {
		k := key{full: s.Name, name: fitText(s.Name, plotWidth-sampleWidth-6), look: lookOf(i), line: !s.Points}
		width := sampleWidth + 6 + textWidth(k.name)
		if x > 0 && x+width > plotWidth {
			x, row = 0, row+1
		}
		k.x, k.y = x, float64(row)*lineStep+lineStep/2
		x += width + 18
		g.keys = append(g.keys, k)
	}
	g.rows = row + 1
	return g
}

func (g legend) draw(c *canvas) {
	for _, k := range g.keys {
		c.open("g", "class", k.look.class, "fill", k.look.light, "stroke", k.look.light)
		if k.line {
			c.leaf("path", "class", "line", "fill", "none", "stroke-width", "1.8", "stroke-dasharray", k.look.dash,
				"d", "M"+px(k.x)+" "+px(k.y)+"h"+px(sampleWidth))
		}
		c.leaf("path", "class", "dot", "stroke-width", "0", "d", k.look.marker(k.x+sampleWidth/2, k.y, 3.6))
		c.close("g")
		c.label(k.x+sampleWidth+6, k.y+fontSize/3, "start", "ink", k.name, k.full)
	}
}
