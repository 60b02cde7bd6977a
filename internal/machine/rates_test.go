package machine

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var testKey = Key{CPU: "AMD EPYC (family 25, model 17)", Threads: 2, Libraries: map[string]string{"xla": "0.81", "openblas": "0.3.30"}}

func TestRates(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "ntk")
	if got, err := LoadRates(dir, testKey); err != nil || len(got) != 0 {
		t.Fatalf("nothing measured: %v, %v", got, err)
	}
	conv := Rate{"conv", 165e9, 0}
	syrk := Rate{"ssyrk", 200e9, 12.5e9}
	if err := SaveRates(dir, testKey, []Rate{conv}); err != nil {
		t.Fatal(err)
	}
	if err := SaveRates(dir, testKey, []Rate{conv, syrk}); err != nil {
		t.Fatal(err)
	}
	got, err := LoadRates(dir, testKey)
	if err != nil || len(got) != 2 || got["conv"] != conv || got["ssyrk"] != syrk {
		t.Errorf("loaded %v, %v", got, err)
	}
	for _, other := range []Key{
		{CPU: "other", Threads: 2, Libraries: testKey.Libraries},
		{CPU: testKey.CPU, Threads: 1, Libraries: testKey.Libraries},
		{CPU: testKey.CPU, Threads: 2, Libraries: map[string]string{"xla": "0.81", "openblas": "0.3.31"}},
	} {
		if got, err := LoadRates(dir, other); err != nil || len(got) != 0 {
			t.Errorf("another key %v: %v, %v", other, got, err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("folder holds %v, %v, want the rates file alone", files, err)
	}
}

func TestRatesRefused(t *testing.T) {
	dir := t.TempDir()
	for name, rates := range map[string][]Rate{
		"NaN":      {{"a", math.NaN(), 0}},
		"infinite": {{"a", 0, math.Inf(1)}},
		"negative": {{"a", -1, 0}},
		"no form":  {{"", 1, 0}},
		"repeated": {{"a", 1, 0}, {"a", 2, 0}},
		"too many": {{Form: strings.Repeat("x", ratesLimit)}},
	} {
		if err := SaveRates(dir, testKey, rates); !errors.Is(err, ErrRates) {
			t.Errorf("%s: saved: %v", name, err)
		}
	}
	path, err := RatesPath(dir, testKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty":        "",
		"torn":         `{"key":{"cpu":"AMD`,
		"other's":      `{"key":{"cpu":"other","threads":2},"rates":[]}`,
		"negative":     `{"key":{"cpu":"AMD EPYC (family 25, model 17)","threads":2,"libraries":{"xla":"0.81","openblas":"0.3.30"}},"rates":[{"form":"a","flops_per_second":-3}]}`,
		"far too long": strings.Repeat(" ", ratesLimit+1),
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := LoadRates(dir, testKey)
		if !errors.Is(err, ErrRates) || !strings.Contains(err.Error(), "measure again") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: loaded: %v", name, err)
		}
	}
}

func TestMeasure(t *testing.T) {
	const pause = 5 * time.Millisecond
	calls := 0
	r, err := Measure("sleep", 1000, 30*time.Millisecond, func() error { calls++; time.Sleep(pause); return nil })
	if err != nil {
		t.Fatal(err)
	}
	// A sleep never ends early, so the rate is bounded by 1000 per 5 ms. It
	// may end late on a busy machine: a tenth of that is the other bound.
	if !(r.FLOPs <= 200e3 && r.FLOPs >= 20e3) || r.Form != "sleep" || r.Bytes != 0 {
		t.Errorf("rate %+v, want up to 200 kFLOP/s", r)
	}
	if calls < 2 {
		t.Errorf("%d calls, want a warm-up and a repetition", calls)
	}
	// A call far below the clock's resolution still gives a finite rate.
	r, err = Measure("nothing", 1, time.Millisecond, func() error { return nil })
	if err != nil || !(r.FLOPs > 1e3) || math.IsInf(r.FLOPs, 1) {
		t.Errorf("empty call: %+v, %v", r, err)
	}
	broken := errors.New("broken")
	calls = 0
	_, err = Measure("fails", 1, time.Second, func() error {
		if calls++; calls == 3 {
			return broken
		}
		time.Sleep(time.Millisecond)
		return nil
	})
	if !errors.Is(err, broken) || calls != 3 {
		t.Errorf("failing call: %v after %d calls", err, calls)
	}
	for _, flops := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := Measure("bad", flops, 0, func() error { return nil }); err == nil {
			t.Errorf("%g FLOPs: no error", flops)
		}
	}
	if _, err := Measure("bad", 1, -1, func() error { return nil }); err == nil {
		t.Error("negative time: no error")
	}
}
