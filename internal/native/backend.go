package native

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	"k8s.io/klog/v2"
)

// Values of Options.Backend.
const (
	Auto = "auto" // CUDA if there is a GPU and a plugin, else XLA on the CPU, else pure Go
	XLA  = "xla"  // XLA on the CPU, or whatever the named plugin is for
	CUDA = "cuda" // XLA on an NVIDIA GPU
	Go   = "go"   // GoMLX's pure-Go backend
)

// Values of Backend.Kind.
const (
	KindXLACPU  = "xla:cpu"
	KindXLACUDA = "xla:cuda"
	KindGo      = "go"
)

// Options configures [Open].
type Options struct {
	// Backend is Auto, XLA, CUDA or Go; empty means Auto.
	Backend string
	// Plugin is the file of the PJRT plugin; empty means to look for one.
	Plugin string
	// CacheDir is the folder of ntk's cache; empty means as [CacheDir] says.
	CacheDir string
	// Logs lets GoMLX and XLA write their own logs to stderr.
	Logs bool
	// Warn is called with one line if something slower than wished serves;
	// nil means silence.
	Warn func(string)
}

// Backend is an open GoMLX backend and what is known about it.
//
// A GoMLX tensor belongs to the backend that made it. One Backend per process
// is normal; several may be open at once.
type Backend struct {
	GoMLX   backends.Backend
	Kind    string // KindXLACPU, KindXLACUDA, KindGo, or "xla:" and a device's name
	Plugin  string // file of the plugin; empty in pure Go
	From    string // what led to the plugin, as in Found; empty in pure Go
	API     string // PJRT API version of the plugin, "0.81"; empty in pure Go
	Devices int
}

// String describes the backend in one line.
func (b *Backend) String() string {
	if b.Plugin == "" {
		return b.Kind + ": GoMLX's pure-Go backend"
	}
	return fmt.Sprintf("%s: %d devices, PJRT API %s, %s (%s)", b.Kind, b.Devices, b.API, b.Plugin, b.From)
}

// Close releases the backend. Tensors on it are invalid afterwards.
func (b *Backend) Close() { b.GoMLX.Finalize() }

// errNoXLA says that this program was built without XLA.
var errNoXLA = fmt.Errorf("this program was built without XLA (for %s/%s): build it with cgo for linux/amd64", runtime.GOOS, runtime.GOARCH)

// Open opens a backend. It never uses the network.
//
// Auto takes a lesser backend, with one warning, only where a better one is
// not there; a plugin named by option or by environment, and a damaged one in
// the cache, are used or are errors. XLA and CUDA open that or fail.
//
// It fails if the plugin is missing, is not one, or cannot make a client.
func Open(opts Options) (*Backend, error) {
	if !opts.Logs {
		silenceLogs()
	}
	warn := opts.Warn
	if warn == nil {
		warn = func(string) {}
	}
	search := SearchOptions{Path: opts.Plugin, CacheDir: opts.CacheDir}
	switch opts.Backend {
	case "", Auto:
		return openAuto(search, warn)
	case XLA:
		return findAndOpen("cpu", search)
	case CUDA:
		b, err := findAndOpen("cuda", search)
		if err != nil {
			return nil, err
		}
		if b.Kind != KindXLACUDA {
			b.Close()
			return nil, fmt.Errorf("native: %s (named by %s) is a plugin for %s, not for CUDA", b.Plugin, b.From, b.Kind)
		}
		return b, nil
	case Go:
		if opts.Plugin != "" {
			return nil, fmt.Errorf("native: backend %q takes no plugin, but %q is named", Go, opts.Plugin)
		}
		return openGo()
	}
	return nil, fmt.Errorf("native: unknown backend %q: want %q, %q, %q or %q", opts.Backend, Auto, XLA, CUDA, Go)
}

func openAuto(search SearchOptions, warn func(string)) (*Backend, error) {
	named := search.Path != "" || os.Getenv(EnvPlugin) != ""
	if !named && hasNVIDIA() {
		b, err := findAndOpen("cuda", search)
		if err == nil {
			return b, nil
		}
		if !errors.Is(err, errNoXLA) {
			warn(fmt.Sprintf("the GPU is not used: %v", err))
		}
	}
	b, err := findAndOpen("cpu", search)
	if err == nil {
		return b, nil
	}
	if named || !errors.Is(err, ErrNotFound) && !errors.Is(err, errNoXLA) {
		return nil, err
	}
	warn(fmt.Sprintf("computing in pure Go, many times slower than XLA: %v", err))
	return openGo()
}

func findAndOpen(platform string, search SearchOptions) (*Backend, error) {
	// Said first: where XLA cannot be opened, looking for it is no use.
	if !canXLA {
		return nil, fmt.Errorf("native: %w", errNoXLA)
	}
	found, err := FindPlugin(platform, search)
	if err != nil {
		return nil, err
	}
	b, err := openPlugin(found)
	if err != nil {
		return nil, fmt.Errorf("native: opening XLA plugin %s (named by %s): %w", found.Path, found.From, err)
	}
	return b, nil
}

// openGo opens GoMLX's pure-Go backend. Its operations run one after another:
// by default its workers can wait for each other for ever.
func openGo() (*Backend, error) {
	b, err := newGoMLX(simplego.BackendName + ":ops_sequential")
	if err != nil {
		return nil, fmt.Errorf("native: opening the pure-Go backend: %w", err)
	}
	return &Backend{GoMLX: b, Kind: KindGo, Devices: b.NumDevices()}, nil
}

// newGoMLX is backends.NewWithConfig with the errors that it panics with
// returned. Runtime errors are bugs, not bad input: they keep panicking.
func newGoMLX(config string) (b backends.Backend, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case runtime.Error:
			panic(r)
		case error:
			err = r
		default:
			panic(r)
		}
	}()
	return backends.NewWithConfig(config)
}

// hasNVIDIA reports whether there is an NVIDIA GPU with a driver.
func hasNVIDIA() bool {
	_, err := os.Stat("/dev/nvidiactl")
	return err == nil
}

// kindOf tells what a plugin computes on by how it describes its first device:
// the file's name is the user's to choose.
func kindOf(device string) string {
	d := strings.ToLower(device)
	switch {
	case strings.Contains(d, "cuda"), strings.Contains(d, "nvidia"):
		return KindXLACUDA
	case strings.Contains(d, "cpu"):
		return KindXLACPU
	}
	return "xla:" + device
}

// silenceLogs keeps GoMLX's and XLA's own lines off stderr: whatever matters
// comes back as an error.
var silenceLogs = sync.OnceFunc(func() {
	klog.SetSlogLogger(slog.New(slog.DiscardHandler))
	// GoMLX sets 2, which lets XLA's alarms about slow compilation through.
	const env = "TF_CPP_MIN_LOG_LEVEL"
	if v := os.Getenv(env); v == "" || v == "2" {
		_ = os.Setenv(env, "3")
	}
})
