package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/internal/report"
)

func (a *app) doctorVerb() *cobra.Command {
	m := &computeFlags{}
	var quick bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "what runs where, how fast, and whether it is right",
		Long: `doctor says which backend, libraries, threads and memory ntk uses here, measures
the rates of the operations that matter, and checks a small kernel that is known
in closed form.`,
		Example: examples(a.program, "doctor", "doctor --quick --json", "doctor --backend go"),
		Args:    noArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return a.doctor(c, m, quick) },
	}
	m.registerBackend(c)
	c.Flags().BoolVar(&quick, "quick", false, "measure no rates")
	return c
}

// examination is what doctor prints with --json.
type examination struct {
	Schema       string          `json:"schema"`
	Backend      string          `json:"backend"`
	Plugin       string          `json:"plugin"`
	API          string          `json:"pjrt_api"`
	Devices      int             `json:"devices"`
	BLAS         string          `json:"blas"`
	BLASPath     string          `json:"blas_path"`
	Threads      int             `json:"threads"`
	Budget       int64           `json:"memory_budget"`
	BudgetSource string          `json:"memory_budget_source"`
	Machine      machine.Summary `json:"machine"`
	Version      version         `json:"version"`
	Rates        []machine.Rate  `json:"rates"`
	// KernelError is the largest error of Θ of f(x) = w·x, which is x xᵀ.
	KernelError *float64 `json:"kernel_error"` // null: not a number
	// SettingsFiles are the files of settings that were read.
	SettingsFiles []string  `json:"settings_files"`
	Settings      []setting `json:"settings"`
}

func (a *app) doctor(c *cobra.Command, m *computeFlags, quick bool) error {
	if err := m.check(); err != nil {
		return err
	}
	budget, err := m.budget()
	if err != nil {
		return err
	}
	b, err := a.openBackend(m)
	if err != nil {
		return err
	}
	defer b.Close()
	blas, err := a.openBLAS()
	if err != nil {
		return err
	}
	a.flushNotices()
	e := examination{
		Schema: "ntk/doctor/1", Backend: b.Kind, Plugin: b.Plugin, API: b.API, Devices: b.Devices,
		BLAS: blas.String(), BLASPath: blas.Path(), Threads: blas.Threads(),
		Budget: budget.Bytes, BudgetSource: budget.Source, Machine: machine.Describe(), Version: thisVersion(),
		SettingsFiles: a.settings.files, Settings: a.settings.applied,
	}
	off, err := diagnose.KnownKernel(c.Context(), b.GoMLX, blas)
	if err != nil {
		return fmt.Errorf("the kernel of f(x) = w·x: %w", err)
	}
	e.KernelError = finite(off)
	if !quick {
		if e.Rates, err = a.measure(b, blas); err != nil {
			return err
		}
	}
	if a.json {
		err = a.printJSON(e)
	} else {
		err = a.printTables(e.tables(off))
	}
	if err == nil && !(off <= knownTolerance) {
		err = fmt.Errorf("backend %s computes wrongly: Θ of f(x) = w·x is x xᵀ, got it with a relative error of %.3g; choose another --backend", b.Kind, off)
	}
	return err
}

// measure measures the rates and keeps them in the cache folder.
func (a *app) measure(b *native.Backend, blas *native.BLAS) ([]machine.Rate, error) {
	bar := a.newProgress()
	defer bar.done()
	rates, err := diagnose.Rates(b.GoMLX, blas, func(done, total int, what string) {
		bar.update(float64(done)/float64(total), what)
	})
	if err != nil {
		return nil, err
	}
	cache, err := native.CacheDir(a.cache)
	if err != nil {
		return nil, err
	}
	key := machine.Key{
		CPU: machine.Describe().CPU, Threads: blas.Threads(),
		Libraries: map[string]string{"backend": b.Kind + " " + b.API, "blas": blas.Config()},
	}
	return rates, machine.SaveRates(cache, key, rates)
}

// knownTolerance is what rounding explains in float32 with vectors of 3 numbers.
const knownTolerance = 1e-5

// settings says which files were read, and what they and the environment set.
func (e examination) settings() string {
	if len(e.SettingsFiles)+len(e.Settings) == 0 {
		return "none"
	}
	parts := slices.Clone(e.SettingsFiles)
	for _, s := range e.Settings {
		parts = append(parts, fmt.Sprintf("%s = %s (%s)", s.Flag, s.Value, s.describeSource()))
	}
	return strings.Join(parts, "; ")
}

// tables lays out e; off is the error of the known kernel.
func (e examination) tables(off float64) []report.Table {
	check := fmt.Sprintf("Θ of w·x is x xᵀ, to within %s", report.Number(off))
	if !(off <= knownTolerance) {
		check = fmt.Sprintf("WRONG: Θ of w·x is not x xᵀ, by %s", report.Number(off))
	}
	plugin := e.Plugin
	if plugin == "" {
		plugin = "none: pure Go"
	}
	out := []report.Table{{
		Caption: "This machine", Columns: []report.Column{{Name: "what"}, {Name: "value"}},
		Rows: [][]string{
			{"backend", e.Backend},
			{"plugin", plugin},
			{"PJRT API", e.API},
			{"devices", fmt.Sprint(e.Devices)},
			{"BLAS", e.BLAS},
			{"threads", fmt.Sprintf("%d (%s)", e.Machine.Threads, e.Machine.ThreadsSource)},
			{"memory", fmt.Sprintf("%s (%s)", machine.FormatBytes(e.Machine.MemoryLimit), e.Machine.MemorySource)},
			{"memory budget", fmt.Sprintf("%s (%s)", machine.FormatBytes(e.Budget), e.BudgetSource)},
			{"processor", e.Machine.CPU},
			{"versions", e.Version.String()},
			{"settings", e.settings()},
			{"check", check},
		},
	}}
	if len(e.Rates) > 0 {
		t := report.Table{Caption: "Rates", Columns: []report.Column{
			{Name: "operation"}, {Name: "GFLOP/s", Align: report.Right}, {Name: "GB/s", Align: report.Right},
		}}
		for _, r := range e.Rates {
			gb := ""
			if r.Bytes > 0 {
				gb = report.Number(r.Bytes / 1e9)
			}
			t.Rows = append(t.Rows, []string{r.Form, report.Number(r.FLOPs / 1e9), gb})
		}
		out = append(out, t)
	}
	return out
}
