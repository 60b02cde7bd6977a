package cmd

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// A version says which code computed.
type version struct {
	NTK string `json:"ntk"`
	// Revision is that of version control, with "+changes" if files differed;
	// empty if unknown.
	Revision string `json:"revision,omitempty"`
	GoMLX    string `json:"gomlx"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

const (
	modulePath = "github.com/gontk/ntk"
	gomlxPath  = "github.com/gomlx/gomlx"
)

func thisVersion() version {
	info, _ := debug.ReadBuildInfo()
	return versionOf(info)
}

// versionOf reads what the build says of itself; nil: nothing.
func versionOf(info *debug.BuildInfo) version {
	v := version{NTK: "unknown", GoMLX: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info == nil {
		return v
	}
	// In a user's own program ntk is a dependency, and the main module theirs.
	for _, m := range append(info.Deps, &info.Main) {
		switch m.Path {
		case modulePath:
			v.NTK = m.Version
		case gomlxPath:
			v.GoMLX = m.Version
		}
	}
	if info.Main.Path != modulePath {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Revision = s.Value
		}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.modified" && s.Value == "true" && v.Revision != "" {
			v.Revision += "+changes"
		}
	}
	return v
}

func (v version) String() string {
	text := fmt.Sprintf("ntk %s, GoMLX %s, %s, %s", v.NTK, v.GoMLX, v.Go, v.Platform)
	if v.Revision != "" {
		text += ", revision " + v.Revision
	}
	return text
}

// versionResult is what version prints with --json.
type versionResult struct {
	Schema string `json:"schema"`
	version
}

func (a *app) versionVerb() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "print versions",
		Example: examples(a.program, "version", "version --json"),
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.printJSON(versionResult{"ntk/version/1", thisVersion()})
			}
			return a.println(thisVersion())
		},
	}
}
