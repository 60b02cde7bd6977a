package report

import (
	"fmt"
	"strings"
	"unicode"
)

// displayWidth returns how many columns of a terminal s takes: two for East
// Asian wide characters and emoji, none for combining marks and joiners.
func displayWidth(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case unicode.Is(wide, r):
		return 2
	default:
		return 1
	}
}

// wide holds the blocks whose characters are Wide or Fullwidth in Unicode's
// EastAsianWidth.txt, by block where the file goes by character.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x1100, Hi: 0x115f, Stride: 1}, // Hangul Jamo, leading
		{Lo: 0x2e80, Hi: 0x303e, Stride: 1}, // CJK radicals, punctuation
		{Lo: 0x3041, Hi: 0xa4cf, Stride: 1}, // Kana to Yi
		{Lo: 0xa960, Hi: 0xa97c, Stride: 1}, // Hangul Jamo Extended-A
		{Lo: 0xac00, Hi: 0xd7a3, Stride: 1}, // Hangul syllables
		{Lo: 0xf900, Hi: 0xfaff, Stride: 1}, // CJK compatibility
		{Lo: 0xfe30, Hi: 0xfe6f, Stride: 1}, // CJK compatibility forms
		{Lo: 0xff01, Hi: 0xff60, Stride: 1}, // fullwidth forms
		{Lo: 0xffe0, Hi: 0xffe6, Stride: 1}, // fullwidth signs
	},
	R32: []unicode.Range32{
		{Lo: 0x17000, Hi: 0x18cff, Stride: 1}, // Tangut
		{Lo: 0x1b000, Hi: 0x1b2ff, Stride: 1}, // Kana supplements
		{Lo: 0x1f300, Hi: 0x1f64f, Stride: 1}, // pictographs
		{Lo: 0x1f680, Hi: 0x1f6ff, Stride: 1}, // transport
		{Lo: 0x1f900, Hi: 0x1f9ff, Stride: 1}, // supplemental symbols
		{Lo: 0x20000, Hi: 0x3fffd, Stride: 1}, // CJK extensions
	},
}

// printable replaces control characters, line breaks excepted, by their
// escapes: data must not steer the reader's terminal.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteRune(r)
		case r == '\t':
			b.WriteByte(' ')
		case unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// wrap breaks s into lines at most width columns wide: at line breaks, then at
// spaces, then anywhere. Nothing is dropped but the spaces at a break.
func wrap(s string, width int) []string {
	var lines []string
	for _, paragraph := range strings.Split(s, "\n") {
		for displayWidth(paragraph) > width {
			cut, space, used := 0, -1, 0
			for i, r := range paragraph {
				if used += runeWidth(r); used > width && cut > 0 {
					if r == ' ' {
						space = i
					}
					break
				}
				if r == ' ' && i > 0 {
					space = i
				}
				cut = i + len(string(r))
			}
			if space > 0 {
				lines = append(lines, strings.TrimRight(paragraph[:space], " "))
				paragraph = strings.TrimLeft(paragraph[space:], " ")
				continue
			}
			lines = append(lines, paragraph[:cut])
			paragraph = paragraph[cut:]
		}
		lines = append(lines, paragraph)
	}
	return lines
}
