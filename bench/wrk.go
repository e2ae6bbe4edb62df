package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"
)

//go:embed wrk.lua
var wrkScript []byte

// chooseGenerator resolves "auto".
func chooseGenerator(name string) (string, error) {
	_, missing := exec.LookPath("wrk")
	switch {
	case name == "auto" && missing == nil:
		return "wrk", nil
	case name == "auto":
		return "own", nil
	case name == "wrk":
		return name, missing
	case name == "own":
		return name, nil
	}
	return "", fmt.Errorf("-generator: want auto, wrk or own, not %q", name)
}

// wrkFiles writes prepared requests, and the script that sends them, to files for runWrk.
func (b *bench) wrkFiles(all []prepared) (script, requests string, err error) {
	var text bytes.Buffer
	for _, p := range all {
		fmt.Fprintf(&text, "%d %s%d %s", len(p.request), p.request, len(p.answer), p.answer)
	}
	script, requests = b.file("wrk.lua"), b.file("requests")
	return script, requests, errors.Join(
		os.WriteFile(script, wrkScript, 0o600),      //nolint:gosec // in the bench's own folder
		os.WriteFile(requests, text.Bytes(), 0o600)) //nolint:gosec // in the bench's own folder
}

// runWrk sends requests with wrk. One thread suffices: it sends more than a server can handle. wrk supports only
// whole seconds.
func runWrk(ctx context.Context, address, script, requests string, connections int, d time.Duration) (sample, error) {
	cmd := exec.CommandContext(ctx, "wrk", "--threads", "1", "--connections", strconv.Itoa(connections), //nolint:gosec // our own files
		"--duration", strconv.Itoa(int(d.Seconds()))+"s", "--script", script, "http://"+address, "--", requests)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("wrk: %w\n%s", err, redactTokens(out))
	}
	return parseWrk(out)
}

// parseWrk parses the output of the script's function done.
func parseWrk(out []byte) (sample, error) {
	_, line, found := bytes.Cut(out, []byte("\nbench "))
	if !found {
		return sample{}, fmt.Errorf("the output of wrk has no results:\n%s", redactTokens(out))
	}
	var requests, duration, wrong, failed, p50, p99, most float64
	var answer []byte
	if _, err := fmt.Sscan(string(line), &requests, &duration, &wrong, &failed, &p50, &p99, &most); err != nil {
		return sample{}, fmt.Errorf("wrk: %w", err)
	}
	if fields := bytes.SplitN(line, []byte(" "), 8); len(fields) == 8 {
		answer = fields[7]
	}
	if wrong+failed > 0 || requests == 0 {
		return sample{}, fmt.Errorf("%.0f of %.0f answers were wrong, %.0f requests failed: %.500s", wrong, requests, failed, redactTokens(answer))
	}
	const us = float64(time.Microsecond)
	return sample{
		requests: requests,
		rps:      requests / (duration / 1e6),
		p50:      time.Duration(p50 * us), p99: time.Duration(p99 * us), max: time.Duration(most * us),
	}, nil
}
