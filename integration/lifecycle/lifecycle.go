// Package lifecycle holds the proofs about leavers on both stores: the model, random histories of two writers,
// crashes after every store call, wake-ups that come as they like, and races. It has tests only.
package lifecycle
