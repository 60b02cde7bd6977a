package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVerify looks at folders of every verb that writes any: as they are, and
// with each kind of damage.
func TestVerify(t *testing.T) {
	file := write(t, "x.npy", npy("(6, 3)", integers(6, 3)...))
	own := []Model{linear("line", 2, nil)}
	common := strings.Fields("--model line --backend go --quiet --examples all --data " + file)
	gram := func(more ...string) string {
		out := filepath.Join(t.TempDir(), "theta")
		succeed(t, own, append(append([]string{"gram", "--block", "2", "--out", out}, common...), more...)...)
		return out
	}
	diagnose := func() string {
		out := filepath.Join(t.TempDir(), "d")
		succeed(t, own, append([]string{"diagnose", "--seeds", "2", "--out", out}, common...)...)
		return out
	}
	limit := func() string {
		out := filepath.Join(t.TempDir(), "limit")
		succeed(t, own, strings.Fields("limit --model line --quiet --examples all --block 2 --out "+out+" --data "+file)...)
		return out
	}
	for _, folder := range []string{limit(), gram(), gram("--packed"), gram("--shard", "1/2"), diagnose()} {
		r := succeed(t, nil, "verify", folder, "--json")
		if j := decode(t, "ntk/verify/1", r.stdout); at(t, j, "good") != true || len(at(t, j, "files").([]any)) < 2 {
			t.Errorf("%s: %v", folder, j)
		}
	}
	for _, tc := range []struct {
		what, file string
		folder     func() string
		change     func(b []byte) []byte // nil removes the file
		want       string
	}{
		{"a flipped bit of Θ", "theta.npy", func() string { return gram() }, func(b []byte) []byte { b[len(b)-1] ^= 4; return b }, "fail their checksum"},
		{"Θ cut short", "theta.npy", func() string { return gram() }, func(b []byte) []byte { return b[:len(b)-1] }, "143 bytes"},
		{"Θ gone", "theta.npy", func() string { return gram() }, nil, "no such file"},
		{"a changed seed in the journal", "theta.npy.journal", func() string { return gram() }, func(b []byte) []byte {
			return []byte(strings.Replace(string(b), `"seed":"1"`, `"seed":"2"`, 1))
		}, "damaged"},
		{"a record gone", "theta.npy.journal", func() string { return gram() }, func(b []byte) []byte {
			lines := strings.SplitAfter(string(b), "\n")
			return []byte(strings.Join(append(lines[:2:2], lines[3:len(lines)-2]...), ""))
		}, "5 of 6 tiles"},
		{"a changed seed in the manifest", manifestName, func() string { return gram() }, func(b []byte) []byte {
			return []byte(strings.Replace(string(b), `"seed": "1"`, `"seed": "2"`, 1))
		}, "changed after it was written"},
		{"a manifest that is none", manifestName, func() string { return gram() }, func([]byte) []byte { return []byte("[]") }, "no manifest"},
		{"a manifest of files elsewhere", manifestName, func() string { return gram() }, func(b []byte) []byte {
			return []byte(strings.Replace(string(b), `"theta.npy",`, `"../theta.npy",`, 1))
		}, "not in the manifest's folder"},
		{"a flipped bit of a report", "report.html", diagnose, func(b []byte) []byte { b[99] ^= 1; return b }, "damaged"},
		{"a flipped bit of diagnose's Θ", "theta-seed2.npy", diagnose, func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, "damaged"},
		{"a flipped bit of the limit's K", "nngp.npy", limit, func(b []byte) []byte { b[len(b)-1] ^= 4; return b }, "fail their checksum"},
		{"the limit's Θ gone", "ntk.npy", limit, nil, "no such file"},
		{"the journal of the limit's Θ gone", "ntk.npy.journal", limit, nil, "ntk.npy.journal"},
		{"a report gone", "report.html", diagnose, nil, "no such file"},
	} {
		folder := tc.folder()
		path := filepath.Join(folder, tc.file)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if tc.change == nil {
			err = os.Remove(path)
		} else {
			err = os.WriteFile(path, tc.change(b), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		r := do(t.Context(), nil, "verify", folder, "--json")
		if r.status != exitFailure || !strings.Contains(r.stderr, tc.want) || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%s: status %d, stderr %q, want %q", tc.what, r.status, r.stderr, tc.want)
		}
		if j := decode(t, "ntk/verify/1", r.stdout); at(t, j, "good") != false {
			t.Errorf("%s: %v", tc.what, j)
		}
	}
}

// TestVerifyUnfinished says what is missing of a run that was stopped.
func TestVerifyUnfinished(t *testing.T) {
	file := write(t, "x.npy", npy("(6, 3)", integers(6, 3)...))
	out := filepath.Join(t.TempDir(), "stopped")
	own := []Model{linear("line", 2, nil)}
	interruptAt(t, "tile 2 of 6", own, strings.Fields("gram --model line --backend go --data "+file+" --examples all --block 2 --out "+out)...)
	r := do(t.Context(), nil, "verify", out)
	if r.status != exitFailure || !strings.Contains(r.stdout, "2 of 6") || !strings.Contains(r.stderr, "not finished") {
		t.Errorf("status %d, stdout %q, stderr %q", r.status, r.stdout, r.stderr)
	}
	if _, err := os.Stat(filepath.Join(out, "theta.npy")); err == nil {
		t.Error("an unfinished array has its name")
	}
	for _, args := range [][]string{{"verify", filepath.Join(out, "theta.npy.partial")}, {"spectrum", filepath.Join(out, "theta.npy")}} {
		if r := do(t.Context(), nil, args...); r.status != exitFailure {
			t.Errorf("%q: status %d, stdout %q", args, r.status, r.stdout)
		}
	}
}

// FuzzManifest: whatever is accepted as a manifest is written again to the byte.
func FuzzManifest(f *testing.F) {
	m := &manifest{Schema: manifestSchema, Config: map[string]string{"seed": "1"}, Seeds: []uint64{1}, Files: []string{"theta.npy"}}
	text, err := m.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"schema": "ntk/manifest/1", "files": ["/etc/passwd"]}`))
	f.Add([]byte(`{"schema": "ntk/manifest/1", "created": "0000-00-00T00:00:00Z"}`))
	f.Add([]byte("{}{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseManifest(text)
		if err != nil {
			return
		}
		for _, name := range m.Files {
			if strings.ContainsAny(name, `/\`) || name == ".." {
				t.Errorf("file %q", name)
			}
		}
		if again, err := m.encode(); err != nil || string(again) != string(text) || !json.Valid(text) {
			t.Errorf("%q is written as %q, %v", text, again, err)
		}
	})
}
