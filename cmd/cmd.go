// Package cmd is the ntk command line as a library: a program with networks of
// its own gets every verb by giving them to [Main].
package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"github.com/gontk/ntk/graph"
)

// A Model is a network that a program brings along.
type Model struct {
	// Name is what --model calls it: letters, digits, '-', '_' and '.'.
	Name string
	// About is one line for "models list".
	About string
	// New returns the network of the given depth for inputs of the given
	// shape, without the batch axis, and the given number of outputs. Zero
	// depth or outputs mean the network's own.
	New func(depth int, input []int, outputs int) (graph.Model, error)
}

// Func makes a Model of a network that has one depth and takes any input.
func Func(name, about string, m graph.Model) Model {
	return Model{Name: name, About: about, New: func(depth int, _ []int, _ int) (graph.Model, error) {
		if depth != 0 {
			return nil, usagef("network %s has a depth of its own; leave out --depth and --depths", name)
		}
		return m, nil
	}}
}

// Main runs the command line of this process, with models beside the built-in
// ones, and exits. It stops on Ctrl-C, SIGTERM and SIGUSR1 with status 75; a
// second signal ends the process at once.
func Main(models ...Model) {
	ctx, stop := untilSignal(context.Background())
	a := &app{
		program: filepath.Base(os.Args[0]), args: os.Args[1:], stdout: os.Stdout, stderr: os.Stderr,
		env: os.Getenv, environ: os.Environ(), models: models,
	}
	status := a.run(ctx)
	stop()
	os.Exit(status)
}

// Run runs one command line, without the program's name, and returns its exit
// status: 0; 1 for a failure; 2 for a command line that makes no sense; 75 if
// ctx ended before the work did. Results go to stdout, everything else to
// stderr. env looks up an environment variable, "" if it is not set; nil means
// that none is.
//
// A failure is one line on stderr. Nothing panics, except in goroutines of the
// libraries below, which no caller can help.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, env func(string) string, models ...Model) int {
	if env == nil {
		env = func(string) string { return "" }
	}
	a := &app{program: "ntk", args: args, stdout: stdout, stderr: stderr, env: env, models: models}
	return a.run(ctx)
}

func (a *app) run(ctx context.Context) (status int) {
	defer func() {
		if r := recover(); r != nil {
			status = a.fail(internalError(r))
		}
	}()
	// GoMLX's own log lines are for its developers.
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	if err := a.checkModels(); err != nil {
		return a.fail(err)
	}
	root := a.root()
	root.SetArgs(a.args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil {
		return a.interrupted(ctx, err)
	}
	return a.fail(err)
}

// An app is one run of the command line.
type app struct {
	program        string
	args           []string
	stdout, stderr io.Writer
	env            func(string) string
	environ        []string // to find typing errors; nil: none are looked for
	models         []Model

	// Flags of every verb.
	json, quiet, verbose bool
	dryRun               bool // of verbs that have it
	cache                string
	settings             settings

	// notices wait until the input has been found good: see flushNotices.
	notices []string
	// resume is how to go on after an interruption; empty if nothing was kept.
	resume string
}

const about = `ntk computes neural tangent kernels of real networks and says what they mean for
training: will it train, how fast, at which learning rates.

Results go to stdout, progress to stderr. Exit status: 0; 1 for a failure, which
is one line on stderr; 2 for a command line that makes no sense; 75 if it was
interrupted (Ctrl-C, SIGTERM or SIGUSR1).`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           a.program,
		Short:         "neural tangent kernels of real networks",
		Long:          about,
		Example:       examples(a.program, "diagnose --model mlp --data digits --depths 2,4,8 --out mlp", "gram --model mlp --data digits --out theta", "models list"),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          a.noVerb,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			return a.settings.apply(c, a.env, a.environ)
		},
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(flagError)
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "write the result to stdout as JSON (docs/json.md)")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "nothing on stderr but a failure")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "say on stderr what is used and planned")
	f.StringVar(&a.cache, "cache", "", "folder of native libraries and data (default: $NTK_CACHE, or ntk in the user's cache folder)")
	a.settings.register(f)
	root.AddCommand(a.diagnoseVerb(), a.gramVerb(), a.limitVerb(), a.compareVerb(), a.evolveVerb(), a.workerVerb(), a.mergeVerb(), a.verifyVerb(), a.spectrumVerb(), a.predictVerb(), a.modelsVerb(), a.dataVerb(),
		a.setupVerb(), a.doctorVerb(), a.manVerb(), a.versionVerb())
	a.completionVerb(root)
	a.completions(root)
	return root
}

// noVerb runs a command that only groups others: help, or an unknown verb.
func (a *app) noVerb(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return usagef("no verb %q%s; see %s --help", args[0], nearest(args[0], names), c.CommandPath())
}

// group is a verb that only has verbs below it.
func (a *app) group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: a.noVerb}
	c.AddCommand(subs...)
	return c
}

// examples formats command lines for a verb's help.
func examples(program string, lines ...string) string {
	text := ""
	for i, l := range lines {
		if i > 0 {
			text += "\n"
		}
		text += fmt.Sprintf("  %s %s", program, l)
	}
	return text
}

// noArguments refuses arguments that are no flags.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument, got %q; see %s --help", c.CommandPath(), args[0], c.CommandPath())
	}
	return nil
}

// oneArgument wants exactly one argument.
func oneArgument(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usagef("%s wants %s, got %d arguments; see %s --help", c.CommandPath(), what, len(args), c.CommandPath())
		}
		return nil
	}
}
