// Package random takes unpredictable bytes from the operating system, in the forms that package directory needs.
package random

import (
	"crypto/rand"

	"rollcall/shared/directory"
)

// ID returns the 25 characters that follow the letter of an id: 125 bits.
func ID() string {
	var b [16]byte
	Fill(b[:])
	return directory.NewID(b)
}

// Fill fills b. It never fails: without randomness the program ends.
func Fill(b []byte) { _, _ = rand.Read(b) }
