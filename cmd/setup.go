package cmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/native"
)

func (a *app) setupVerb() *cobra.Command {
	var opts native.SetupOptions
	c := &cobra.Command{
		Use:   "setup",
		Short: "install the native libraries, XLA and OpenBLAS",
		Long: `setup fetches the XLA CPU plugin and OpenBLAS through pip, checks them against
pinned SHA-256 sums, and installs them in the cache folder. Without them ntk runs
in pure Go: slower, with the same results.`,
		Example: examples(a.program, "setup", "setup --from /media/wheels", "setup --cuda 12"),
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if opts.CUDA != 0 && opts.CUDA != 12 && opts.CUDA != 13 {
				return usagef("--cuda %d: want 12 or 13", opts.CUDA)
			}
			opts.CacheDir = a.cache
			opts.Progress = func(line string) { a.say("%s", line) }
			got, err := native.Setup(c.Context(), opts)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(describeSetup(got))
			}
			for _, l := range got.Libraries {
				state := "installed"
				if l.Already {
					state = "in place"
				}
				if err := a.println(fmt.Sprintf("%s %s: %s, %s", l.Name, state, l.Path, machine.FormatBytes(l.Size))); err != nil {
					return err
				}
				if l.Note != "" {
					if err := a.println("  " + l.Note); err != nil {
						return err
					}
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&opts.From, "from", "", "folder with the wheels: no network and no Python needed")
	c.Flags().IntVar(&opts.CUDA, "cuda", 0, "also install the plugin for CUDA 12 or 13")
	return c
}

// setupResult is what setup prints with --json.
type setupResult struct {
	Schema    string        `json:"schema"`
	Libraries []libraryInfo `json:"libraries"`
}

// libraryInfo is one native library in the cache folder.
type libraryInfo struct {
	Name    string `json:"name"`
	Package string `json:"package"` // of Python, that it comes from
	Path    string `json:"path"`
	SHA256  string `json:"sha256"`
	Size    int64  `json:"size"`
	Already bool   `json:"already"` // it was there before
	Note    string `json:"note,omitempty"`
}

func describeSetup(got native.Installed) setupResult {
	r := setupResult{Schema: "ntk/setup/1"}
	for _, l := range got.Libraries {
		r.Libraries = append(r.Libraries, libraryInfo(l))
	}
	return r
}
