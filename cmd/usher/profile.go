//go:build profile

package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"syscall"
)

// init is main in a program that profiles itself: with $USHER_PROFILE, the name of a folder, it writes
// there where the processor time went and where memory was allocated, from the start to the end.
// Without, it leaves everything to main. It comes before main because main does not return.
func init() {
	folder := os.Getenv("USHER_PROFILE")
	if folder == "" {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	w := &world{ctx: ctx, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	// Until main begins, this goroutine keeps to one thread, which would slow the program down.
	ended := make(chan int)
	go func() { ended <- profiled(folder, w, os.Args[1:]) }()
	os.Exit(<-ended)
}

// profiled is run with profiles.
func profiled(folder string, w *world, args []string) (status int) {
	cpu, err := os.Create(filepath.Join(folder, "cpu.pprof"))
	if err == nil {
		err = pprof.StartCPUProfile(cpu)
	}
	if err != nil {
		fmt.Fprintln(w.stderr, "usher: profile:", err)
		return 1
	}
	status = run(w, args)
	pprof.StopCPUProfile()
	err = cpu.Close()
	// The heap is that of the last collection, which was when the program still ran.
	for _, name := range []string{"heap", "allocs"} {
		if err == nil {
			err = writeProfile(folder, name)
		}
	}
	if err != nil {
		fmt.Fprintln(w.stderr, "usher: profile:", err)
		return 1
	}
	return status
}

func writeProfile(folder, name string) error {
	f, err := os.Create(filepath.Join(folder, name+".pprof"))
	if err != nil {
		return err
	}
	defer f.Close()
	return pprof.Lookup(name).WriteTo(f, 0)
}
