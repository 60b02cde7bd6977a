package machine

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// units are the suffixes of ParseBytes in lower case. K, M, G, T and P alone
// are powers of 1000, as in Kubernetes: of the two readings the one that
// promises less memory.
var units = map[string]int64{
	"": 1, "b": 1,
	"k": 1e3, "kb": 1e3, "ki": 1 << 10, "kib": 1 << 10,
	"m": 1e6, "mb": 1e6, "mi": 1 << 20, "mib": 1 << 20,
	"g": 1e9, "gb": 1e9, "gi": 1 << 30, "gib": 1 << 30,
	"t": 1e12, "tb": 1e12, "ti": 1 << 40, "tib": 1 << 40,
	"p": 1e15, "pb": 1e15, "pi": 1 << 50, "pib": 1 << 50,
}

// longest is the most characters of a size: enough for every int64, and far
// too few for arithmetic on digits to cost anything.
const longest = 40

// ParseBytes reads a memory size: a decimal number without a sign or an
// exponent, then optionally a unit, in either case and with or without a
// blank between. KiB, MiB, GiB, TiB, PiB (or Ki, …) are powers of 1024; KB,
// MB, … (or K, …) are powers of 1000. What is left of a byte is dropped.
//
// It returns an error for anything else and for sizes beyond an int64.
func ParseBytes(s string) (int64, error) {
	text := strings.TrimSpace(s)
	if len(text) > longest {
		return 0, fmt.Errorf("memory size of %d characters: want one like 1.5GiB, 800MB or 4096", len(text))
	}
	end := strings.IndexFunc(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end < 0 {
		end = len(text)
	}
	number := text[:end]
	unit, ok := units[strings.ToLower(strings.TrimSpace(text[end:]))]
	if !ok || strings.Trim(number, ".") == "" || strings.Count(number, ".") > 1 {
		return 0, fmt.Errorf("memory size %q: want a number and a unit, like 1.5GiB, 800MB or 4096", s)
	}
	// Rationals, because 0.1 and 2⁵³+1 are no float64.
	r, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, fmt.Errorf("memory size %q: want a number and a unit, like 1.5GiB, 800MB or 4096", s)
	}
	r.Mul(r, new(big.Rat).SetInt64(unit))
	n := new(big.Int).Quo(r.Num(), r.Denom())
	if !n.IsInt64() {
		return 0, fmt.Errorf("memory size %q: exceeds 8 EiB", s)
	}
	return n.Int64(), nil
}

// FormatBytes writes a size in the largest binary unit that it fills, with
// at most two decimals: "512 B", "1.5 GiB". ParseBytes reads it back to
// within those decimals.
func FormatBytes(n int64) string {
	const names = "KMGTPE"
	// Unsigned, because -MinInt64 is no int64.
	size, sign := uint64(n), ""
	if n < 0 {
		size, sign = -size, "-"
	}
	if size < 1<<10 {
		return fmt.Sprintf("%s%d B", sign, size)
	}
	v, i := float64(size)/1024, 0
	// 1023.996 would print as 1024.00.
	for v >= 1023.995 && i < len(names)-1 {
		v, i = v/1024, i+1
	}
	number := strings.TrimRight(strings.TrimRight(strconv.FormatFloat(v, 'f', 2, 64), "0"), ".")
	return fmt.Sprintf("%s%s %ciB", sign, number, names[i])
}
