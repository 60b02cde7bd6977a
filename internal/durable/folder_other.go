//go:build !unix

package durable

// syncFolder does nothing here: folders cannot be synced.
func syncFolder(string) error { return nil }
