package logging

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// writes records the argument of each call of Write until it is taken.
type writes struct {
	mu  sync.Mutex
	all []string
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, string(p))
	return len(p), nil
}

func (w *writes) take() []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.all
	w.all = nil
	return all
}

func TestBuffer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got writes
		lines := &buffer{to: &got}
		write := func(line string) {
			if n, err := lines.Write([]byte(line)); n != len(line) || err != nil {
				t.Errorf("%.10q: %d, %v", line, n, err)
			}
		}
		want := func(want ...string) {
			t.Helper()
			if got := got.take(); !slices.Equal(got, want) {
				t.Errorf("got %.50q, want %.50q", got, want)
			}
		}
		write("a\n")
		want("a\n") // at once
		write("b\n")
		write("c\n")
		want()
		<-time.After(maxDelay)
		want("b\nc\n")
		write("d\n")
		want()
		<-time.After(maxDelay)
		want("d\n")
		<-time.After(maxDelay)
		want()
		write("e\n")
		want("e\n") // no other line during the delay
		write("f\n")
		lines.flush()
		want("f\n")
		long := strings.Repeat("g", maxPending)
		write(long)
		want(long)
		<-time.After(2 * maxDelay)
		want()
		write("h\n")
		want("h\n")
		write("i\n")
		lines.stop()
		want("i\n")
		write("j\n")
		want("j\n") // there is no later write after stop
		<-time.After(2 * maxDelay)
		want()
	})
}

// TestBufferTogether writes from many goroutines at once. Each line must be written once and unbroken.
func TestBufferTogether(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	lines := &buffer{to: &got}
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for n := range 1000 {
				if _, err := fmt.Fprintf(lines, "%d %d\n", w, n); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	lines.flush()
	next := [8]int{}
	for line := range strings.Lines(got.String()) {
		var w, n int
		if _, err := fmt.Sscanf(line, "%d %d\n", &w, &n); err != nil || next[w] != n {
			t.Fatalf("%q: %v, want line %d", line, err, next[w])
		}
		next[w]++
	}
	for w, n := range next {
		if n != 1000 {
			t.Errorf("%d lines of writer %d", n, w)
		}
	}
}

func TestBuffered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got writes
		log, flush, _ := NewBuffered(&got, Options{Format: "json"})
		log.Info("first")
		log.With("a", 1).WithGroup("g").Info("waits")
		if all := got.take(); len(all) != 1 {
			t.Errorf("wrote %q", all)
		}
		log.With("a", 1).WithGroup("g").Warn("hurries")
		if all := got.take(); len(all) != 1 || strings.Count(all[0], "\n") != 2 || !strings.Contains(all[0], "hurries") {
			t.Errorf("wrote %q", all)
		}
		log.Info("waits too")
		flush()
		if all := got.take(); len(all) != 1 || !strings.Contains(all[0], "waits too") {
			t.Errorf("wrote %q", all)
		}
		<-time.After(2 * maxDelay)
	})
}
