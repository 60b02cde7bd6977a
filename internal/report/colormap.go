package report

import (
	"image/color"
	"math"
)

// A colormap maps [0, 1] to colours.
type colormap func(t float64) color.RGBA

// viridisAnchors are 33 equidistant colours of viridis (van der Walt and
// Smith, CC0), which is perceptually uniform and readable for the
// colour-blind. Between them colours are interpolated linearly, which differs
// from the original by less than 2 of 255.
var viridisAnchors = [...]uint32{
	0x440154, 0x470d60, 0x48186a, 0x482374, 0x472d7b, 0x453681, 0x424086, 0x3f4989, 0x3b528b, 0x375a8d, 0x33638d,
	0x2f6a8e, 0x2c728e, 0x297a8e, 0x26818e, 0x23898e, 0x21908c, 0x1f988b, 0x1f9f88, 0x21a685, 0x28ae80, 0x31b57b,
	0x3ebc74, 0x4cc26c, 0x5dc963, 0x6ece58, 0x82d34c, 0x96d83f, 0xabdc32, 0xc0df24, 0xd5e21a, 0xeae51a, 0xfde725,
}

// viridis is for values of one sign.
func viridis(t float64) color.RGBA {
	at := min(max(t, 0), 1) * float64(len(viridisAnchors)-1)
	i := min(int(at), len(viridisAnchors)-2)
	f := at - float64(i)
	mix := func(shift uint) uint8 {
		a, b := viridisAnchors[i]>>shift&0xff, viridisAnchors[i+1]>>shift&0xff
		return uint8(math.Round(float64(a)*(1-f) + float64(b)*f))
	}
	return color.RGBA{mix(16), mix(8), mix(0), 0xff}
}

// diverging is for values of both signs: blue below t = 1/2, which is zero,
// and red above. It is a straight line on each side in OKLab (Ottosson 2020),
// so equal differences look equal, and mirror values are equally dark.
func diverging(t float64) color.RGBA {
	type lab struct{ l, a, b float64 }
	zero, end := lab{0.97, 0, 0}, lab{0.42, -0.02, -0.14}
	if t > 0.5 {
		end = lab{0.42, 0.15, 0.07}
	}
	f := min(math.Abs(2*t-1), 1)
	return okLab(zero.l+f*(end.l-zero.l), f*end.a, f*end.b)
}

// okLab converts an OKLab colour to sRGB, clipping what sRGB lacks.
func okLab(l, a, b float64) color.RGBA {
	cube := func(v float64) float64 { return v * v * v }
	long := cube(l + 0.3963377774*a + 0.2158037573*b)
	medium := cube(l - 0.1055613458*a - 0.0638541728*b)
	short := cube(l - 0.0894841775*a - 1.2914855480*b)
	encode := func(v float64) uint8 {
		if v <= 0.0031308 {
			v *= 12.92
		} else {
			v = 1.055*math.Pow(v, 1/2.4) - 0.055
		}
		return uint8(math.Round(255 * min(max(v, 0), 1)))
	}
	return color.RGBA{
		encode(4.0767416621*long - 3.3077115913*medium + 0.2309699292*short),
		encode(-1.2684380046*long + 2.6097574011*medium - 0.3413193965*short),
		encode(-0.0041960863*long - 0.7034186147*medium + 1.7076147010*short),
		0xff,
	}
}

// missing is the colour of cells that are not finite; neither map has it.
var missing = color.RGBA{0x9a, 0x9a, 0x9a, 0xff}

// levels is how many colours an image uses; one more index is for missing.
const levels = 255

// palette samples a map at equal steps and appends missing.
func (m colormap) palette() color.Palette {
	p := make(color.Palette, 0, levels+1)
	for i := range levels {
		p = append(p, m(float64(i)/(levels-1)))
	}
	return append(p, missing)
}
