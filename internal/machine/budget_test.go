package machine

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestParseBytes(t *testing.T) {
	for _, tc := range []struct {
		text string
		want int64
	}{
		{"0", 0},
		{"4096", 4096},
		{"1GiB", 1 << 30},
		{"1gib", 1 << 30},
		{"1 Gi", 1 << 30},
		{"512MB", 512_000_000},
		{"800M", 800_000_000},
		{"1.5GiB", 3 << 29},
		{" .5 KiB ", 512},
		{"2.", 2},
		{"0.1KiB", 102},                 // 102.4
		{"9007199254740993", 1<<53 + 1}, // no float64
		{"9223372036854775807", math.MaxInt64},
		{"7PiB", 7 << 50},
	} {
		if got, err := ParseBytes(tc.text); err != nil || got != tc.want {
			t.Errorf("ParseBytes(%q) = %d, %v, want %d", tc.text, got, err, tc.want)
		}
	}
	for _, text := range []string{
		"", " ", "GiB", ".", "1..5", "-1", "+1", "1e9", "0x10", "1_000", "inf", "NaN", "1GiBx", "1 G B",
		"9223372036854775808", "9000000PiB", strings.Repeat("9", 1000),
	} {
		got, err := ParseBytes(text)
		if err == nil || got != 0 {
			t.Errorf("ParseBytes(%q) = %d, want an error", text, got)
			continue
		}
		if strings.Contains(err.Error(), "\n") || len(err.Error()) > 200 {
			t.Errorf("ParseBytes: error is not one short line: %q", err)
		}
	}
}

func TestFormatBytes(t *testing.T) {
	for _, tc := range []struct {
		n    int64
		want string
	}{
		{0, "0 B"},
		{1023, "1023 B"},
		{1024, "1 KiB"},
		{1536, "1.5 KiB"},
		{100 << 20, "100 MiB"},
		{1<<30 - 1, "1 GiB"},
		{1<<20 + 1<<18, "1.25 MiB"},
		{-2048, "-2 KiB"},
		{math.MaxInt64, "8 EiB"},
		{math.MinInt64, "-8 EiB"},
	} {
		if got := FormatBytes(tc.n); got != tc.want {
			t.Errorf("FormatBytes(%d) = %q, want %q", tc.n, got, tc.want)
		}
	}
	for _, n := range []int64{1, 1000, 12345, 1 << 20, 123456789, 987654321012} {
		back, err := ParseBytes(FormatBytes(n))
		// Two decimals of a number of at least 1: half of 0.01.
		if err != nil || !(math.Abs(float64(back-n)) <= 0.005*float64(n)+1) {
			t.Errorf("%d prints as %q, read back as %d, %v", n, FormatBytes(n), back, err)
		}
	}
}

func FuzzParseBytes(f *testing.F) {
	for _, s := range []string{"1.5GiB", "0", "..", "9PiB", "١GiB", "K"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := ParseBytes(s); n < 0 || err != nil && n != 0 {
			t.Errorf("ParseBytes(%q) = %d, %v", s, n, err)
		}
	})
}

func TestBudget(t *testing.T) {
	b := Budget{Bytes: 100, Source: "--memory"}
	for n, want := range map[int64]bool{0: true, 100: true, 101: false, -1: false, math.MaxInt64: false} {
		if b.Fits(n) != want {
			t.Errorf("Fits(%d) = %v", n, !want)
		}
	}
	if (Budget{}).Fits(1) {
		t.Error("the zero budget allows a byte")
	}
	for _, tc := range []struct {
		need   int64
		remedy string
		want   string
	}{
		{5 << 30, "lower --block", "memory budget exceeded: needs 5 GiB for the Jacobian, the budget is 2 GiB (half of 4 GiB, physical memory); raise --memory or lower --block"},
		{-1, "", "memory budget exceeded: needs more than 8 EiB for the Jacobian, the budget is 2 GiB (half of 4 GiB, physical memory); raise --memory"},
		{2<<30 + 1, "", "memory budget exceeded: needs 2147483649 bytes for the Jacobian, the budget is 2147483648 bytes (half of 4 GiB, physical memory); raise --memory"},
	} {
		p := fake(t, map[string]string{"proc/meminfo": "MemTotal: 4194304 kB\n"})
		err := p.defaultBudget().Exceeded("the Jacobian", tc.need, tc.remedy)
		if !errors.Is(err, ErrBudget) || err.Error() != tc.want {
			t.Errorf("Exceeded(%d):\n got %q\nwant %q", tc.need, err, tc.want)
		}
	}
	if b := fake(t, nil).defaultBudget(); b.Bytes != 1<<30 || !strings.Contains(b.Source, "assumed") {
		t.Errorf("default budget of an unknown machine: %+v", b)
	}
}
