package breach

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TestCurrent replaces a list while it is searched. No search may find a closed file, and every file is closed in the end.
func TestCurrent(t *testing.T) {
	t.Parallel()
	known := HashOf("password")
	file := filepath.Join(t.TempDir(), "list.bin")
	if err := os.WriteFile(file, fileOf(t, []Hash{known}, 16), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func() *List {
		l, err := Open(Options{File: file})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	c := NewCurrent(nil)
	if found, err := c.Compromised(t.Context(), "password"); found || err != nil {
		t.Fatalf("without a list: %t, %v", found, err)
	}
	first := open()
	c.Replace(first)
	var searches sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		searches.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if found, err := c.Compromised(t.Context(), "password"); !found || err != nil {
					t.Errorf("%t, %v", found, err)
				}
			}
		})
	}
	var lists []*List
	for range 100 {
		lists = append(lists, open())
		c.Replace(lists[len(lists)-1])
	}
	close(stop)
	searches.Wait()
	last := lists[len(lists)-1]
	for _, l := range append([]*List{first}, lists...) {
		_, err := l.file.Contains(known)
		if closed := err != nil; closed == (l == last) {
			t.Errorf("the last list: %t; %v", l == last, err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := last.file.Contains(known); err == nil {
		t.Error("Close has not closed the file")
	}
}
