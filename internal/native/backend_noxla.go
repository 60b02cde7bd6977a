//go:build !(cgo && linux && amd64)

package native

// canXLA reports whether this build can open XLA plugins.
const canXLA = false

// openPlugin always fails: go-xla takes cgo.
func openPlugin(Found) (*Backend, error) { return nil, errNoXLA }
