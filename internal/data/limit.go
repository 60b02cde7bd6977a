package data

import "fmt"

// A LimitError says that a set takes more memory than Options.MaxBytes.
type LimitError struct {
	// What needs the memory, beginning with the file.
	What string
	// Need is how much, in bytes: 0 if all that is known is that it is more
	// than Limit, -1 if it is beyond an int64.
	Need, Limit int64
}

// Error implements error.
func (e *LimitError) Error() string {
	need := ""
	if e.Need > 0 {
		need = fmt.Sprintf("%d bytes, ", e.Need)
	}
	return fmt.Sprintf("%s: %smore than the limit of %d bytes; ask for fewer examples", e.What, need, e.Limit)
}
