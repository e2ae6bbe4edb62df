package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
)

// hashProgram computes only the hashes of logins, on all cores, and prints the hashes per second.
func hashProgram(_ context.Context, args []string) error {
	flags := flag.NewFlagSet("hash", flag.ContinueOnError)
	d := flags.Duration("duration", time.Second, "how long to hash")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var hashes atomic.Int64
	var group sync.WaitGroup
	begin := now()
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for now().Before(begin.Add(*d)) {
				argon2.IDKey([]byte(typedPassword), make([]byte, 16), 2, 19456, 1, 32)
				hashes.Add(1)
			}
		})
	}
	group.Wait()
	_, err := fmt.Fprintln(os.Stdout, float64(hashes.Load())/now().Sub(begin).Seconds())
	return err
}

// hashing runs the hashProgram.
func (b *bench) hashing(ctx context.Context) (sample, error) {
	cmd := exec.CommandContext(ctx, b.self, "hash", "-duration", b.login.String()) //nolint:gosec // this very program
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return sample{}, fmt.Errorf("hash: %w", err)
	}
	perSecond, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	return sample{rps: perSecond}, err
}
