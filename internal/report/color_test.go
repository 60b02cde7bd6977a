package report

import (
	"fmt"
	"image/color"
	"math"
	"regexp"
	"strings"
	"testing"
)

// luminance is WCAG 2.2's relative luminance.
func luminance(c color.RGBA) float64 {
	linear := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

// contrast is WCAG 2.2's contrast ratio.
func contrast(a, b color.RGBA) float64 {
	l, m := luminance(a), luminance(b)
	return (max(l, m) + 0.05) / (min(l, m) + 0.05)
}

func hex(t *testing.T, s string) (c color.RGBA) {
	t.Helper()
	if _, err := fmt.Sscanf(s, "#%02x%02x%02x", &c.R, &c.G, &c.B); err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	c.A = 0xff
	return c
}

// palettes reads the light and the dark palette from the style sheet.
func palettes(t *testing.T) map[string]map[string]string {
	t.Helper()
	light, rest, ok := strings.Cut(plotStyle, "@media screen and (prefers-color-scheme: dark)")
	if !ok {
		t.Fatal("the style sheet has no dark palette")
	}
	dark, _, _ := strings.Cut(rest, "svg.plot {")
	out := map[string]map[string]string{"light": {}, "dark": {}}
	for name, css := range map[string]string{"light": light, "dark": dark} {
		for _, m := range regexp.MustCompile(`--(\w+): (#[0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
			out[name][m[1]] = m[2]
		}
	}
	return out
}

// WCAG AA: 4.5 for text, 3 for graphical objects.
func TestContrast(t *testing.T) {
	for name, p := range palettes(t) {
		page, panel := hex(t, p["page"]), hex(t, p["panel"])
		for _, text := range []string{"ink", "muted", "link", "info", "good", "warning", "bad"} {
			for _, ground := range []color.RGBA{page, panel} {
				if c := contrast(hex(t, p[text]), ground); !(c >= 4.5) {
					t.Errorf("%s: %s has a contrast of %.2f, want 4.5", name, text, c)
				}
			}
		}
		for _, graphic := range []string{"axis", "s1", "s2", "s3", "s4", "s5", "s6", "s7"} {
			if c := contrast(hex(t, p[graphic]), page); !(c >= 3) {
				t.Errorf("%s: %s has a contrast of %.2f, want 3", name, graphic, c)
			}
		}
	}
}

// The colours in the SVG, for use without the page, are the light palette.
func TestSVGColorsMatchStyle(t *testing.T) {
	p := palettes(t)["light"]
	for name, c := range inks {
		if p[name] != c {
			t.Errorf("%s is %s in the SVG, %s in the style sheet", name, c, p[name])
		}
	}
	for i, c := range seriesColors {
		if l := lookOf(i); p[l.class] != c || l.light != c {
			t.Errorf("series %d is %s in the SVG, %s in the style sheet", i, c, p[l.class])
		}
	}
}

func TestColormaps(t *testing.T) {
	// Three values of the published table: its ends and its entry 127.
	for at, want := range map[float64]uint32{0: 0x440154, 127. / 255: 0x21918c, 1: 0xfde725} {
		c := viridis(at)
		for shift, got := range map[int]uint8{16: c.R, 8: c.G, 0: c.B} {
			// Interpolating between 33 colours errs by less than 2.
			if d := int(got) - int(want>>shift&0xff); d < -2 || d > 2 {
				t.Errorf("viridis(%g) is %v, want %06x", at, c, want)
			}
		}
	}
	for i := 1; i < levels; i++ {
		a, b := float64(i-1)/(levels-1), float64(i)/(levels-1)
		if luminance(viridis(b)) < luminance(viridis(a))-1e-3 {
			t.Errorf("viridis darkens at %g", b)
		}
		// Diverging: darker away from the middle, on both sides.
		if da, db := luminance(diverging(a)), luminance(diverging(b)); (b <= 0.5 && db < da) || (a >= 0.5 && db > da) {
			t.Errorf("the diverging map is not monotone in lightness at %g", b)
		}
	}
}
