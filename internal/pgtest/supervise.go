package pgtest

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"sync"
)

// readyLine matches the log line of a server that is ready. A standby logs "read-only", or "read only" before
// version 14.
var readyLine = regexp.MustCompile(`database system is ready to accept (read.only )?connections`)

// supervise runs a shell script that starts PostgreSQL, waits for the end of its standard input and cleans up.
// Only this process holds the other end of that pipe and never writes to it. So the server stops with this
// process, even if that is killed. supervise returns after the log on the script's standard error has reported
// ready times that the server is ready. stop stops the server.
func supervise(ctx context.Context, script *exec.Cmd, ready int) (stop func() error, err error) {
	lifeline, err := script.StdinPipe()
	if err != nil {
		return nil, err
	}
	log, err := script.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := script.Start(); err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	stop = sync.OnceValue(func() error {
		_ = lifeline.Close() // fails only if it is already closed
		return script.Wait()
	})

	stayUp := context.AfterFunc(ctx, func() {
		_ = lifeline.Close()
		_ = log.Close()
	})
	var said strings.Builder
	lines := bufio.NewScanner(log)
	for ready > 0 && lines.Scan() {
		fmt.Fprintln(&said, lines.Text())
		if readyLine.MatchString(lines.Text()) {
			ready--
		}
	}
	// The rest of the log is not read. PostgreSQL continues if it cannot write to the log.
	_ = log.Close()
	if stayUp() && ready == 0 {
		return stop, nil
	}
	_ = stop()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return nil, fmt.Errorf("PostgreSQL did not start:\n%s", &said)
}
