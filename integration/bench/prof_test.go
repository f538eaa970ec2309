package main

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func BenchmarkGet(b *testing.B) {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(400)
	s := newRollcall("x", ":memory:")
	seed := make1000(s)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		s.must("GET", "/Users/"+seed[i%1000], "")
	}
}
func BenchmarkPost(b *testing.B) {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(400)
	s := newRollcall("x", ":memory:")
	make1000(s)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		s.must("POST", "/Users", userBody(1000000+i))
	}
}
func BenchmarkPeerGet(b *testing.B) {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(400)
	s := server{name: "p", handler: newPeer()}
	seed := make1000(s)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		s.must("GET", "/Users/"+seed[i%1000], "")
	}
}
func BenchmarkPeerPost(b *testing.B) {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(400)
	s := server{name: "p", handler: newPeer()}
	make1000(s)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		s.must("POST", "/Users", userBody(1000000+i))
	}
}
