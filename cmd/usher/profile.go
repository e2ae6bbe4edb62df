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

// init replaces main if $USHER_PROFILE names a folder. It runs the program and writes profiles of processor
// time and memory to that folder. It is an init function because main calls os.Exit, after which nothing
// could write the profiles.
func init() {
	folder := os.Getenv("USHER_PROFILE")
	if folder == "" {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	inv := &invocation{ctx: ctx, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	// Until main begins, this goroutine is locked to one thread, which would slow the program down.
	ended := make(chan int)
	go func() { ended <- profiled(folder, inv, os.Args[1:]) }()
	os.Exit(<-ended)
}

// profiled calls run and writes profiles of it.
func profiled(folder string, inv *invocation, args []string) (status int) {
	cpu, err := os.Create(filepath.Join(folder, "cpu.pprof"))
	if err == nil {
		err = pprof.StartCPUProfile(cpu)
	}
	if err != nil {
		fmt.Fprintln(inv.stderr, "usher: profile:", err)
		return 1
	}
	status = run(inv, args)
	pprof.StopCPUProfile()
	err = cpu.Close()
	// The heap profile is of the last garbage collection, when the program was still running.
	for _, name := range []string{"heap", "allocs"} {
		if err == nil {
			err = writeProfile(folder, name)
		}
	}
	if err != nil {
		fmt.Fprintln(inv.stderr, "usher: profile:", err)
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
