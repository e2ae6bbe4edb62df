package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// Resource usage of a process, which only Linux reports like this. On other systems these functions return
// errNoUsage, and the figures are omitted.

var errNoUsage = errors.New("this system does not report the usage of a process")

// clockTick is the unit of times in /proc/PID/stat. It is the same on all platforms of Go.
const clockTick = time.Second / 100

// cpuTime returns the processor time of a process, in user and kernel mode.
func cpuTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) //nolint:gosec // a number
	if err != nil {
		return 0, errNoUsage
	}
	return parseStat(stat)
}

// parseStat reads fields 14 and 15 of proc_pid_stat(5). The second field is a name in parentheses, which can
// contain spaces and parentheses.
func parseStat(stat []byte) (time.Duration, error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, errNoUsage
	}
	user, err1 := strconv.ParseInt(string(fields[11]), 10, 64)
	kernel, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return 0, errNoUsage
	}
	return time.Duration(user+kernel) * clockTick, nil
}

// Fields of proc_pid_status(5).
const (
	residentMemory     = "VmRSS:"
	peakResidentMemory = "VmHWM:"
)

// memory returns the current or the peak resident memory of a process in MB.
func memory(pid int, field string) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) //nolint:gosec // a number
	if err != nil {
		return 0, errNoUsage
	}
	return parseStatus(status, field)
}

func parseStatus(status []byte, field string) (float64, error) {
	for line := range bytes.Lines(status) {
		words := bytes.Fields(line)
		if len(words) == 3 && string(words[0]) == field && string(words[2]) == "kB" {
			kib, err := strconv.ParseInt(string(words[1]), 10, 64)
			if err != nil {
				return 0, errNoUsage
			}
			return float64(kib) * 1024 / 1e6, nil
		}
	}
	return 0, errNoUsage
}
