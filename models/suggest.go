package models

import (
	"fmt"
	"slices"
	"strings"
)

// didYouMean returns " (did you mean …?)" if one of names is close to name. Of
// equally close ones it takes one of the same length, then the first.
func didYouMean(name string, names []string) string {
	if len(name) > 64 { // no name of ours is as long
		return ""
	}
	best, least := "", 2*(1+max(2, len(name)/3))
	for _, n := range slices.Sorted(slices.Values(names)) {
		d := 2 * editDistance(strings.ToLower(name), strings.ToLower(n))
		if len(n) != len(name) {
			d++
		}
		if d < least {
			best, least = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// editDistance counts insertions, deletions, replacements and swaps of
// neighbours that turn a into b, in bytes, none touching another.
func editDistance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
