package connection

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"usher/internal/auth"
	"usher/internal/seal"
	"usher/internal/seal/sealtest"
)

// numbers is a list of n numbers, whose positions are the numbers themselves.
func numbers(n int) list[byte, byte] {
	return list[byte, byte]{
		scope: "numbers",
		read: func(page auth.Page[byte]) (found []byte, _ error) {
			found = between(n, page.After, page.Before)
			if page.Last {
				return found[max(0, len(found)-page.Limit):], nil
			}
			return found[:min(page.Limit, len(found))], nil
		},
		position: func(n *byte) []byte { return []byte{*n} },
		parse:    func(content []byte) (byte, error) { return content[0], nil },
	}
}

// between returns the numbers below n that are between two others.
func between(n int, after, before *byte) (found []byte) {
	for i := range byte(n) {
		if (after == nil || i > *after) && (before == nil || i < *before) {
			found = append(found, i)
		}
	}
	return found
}

func testKey(t interface{ Fatal(args ...any) }) seal.Key {
	cursors, err := seal.NewKey(sealtest.Secrets(strings.Repeat("\a", 32)), "test")
	if err != nil {
		t.Fatal(err)
	}
	return cursors
}

// pageOfNumbers reads a page of a list of n numbers.
func pageOfNumbers(cursors seal.Key, n int, a PageArguments) ([]byte, PageInfo, error) {
	return page(cursors, numbers(n), a, func(_ string, element *byte) byte { return *element })
}

// TestPages compares pages with the algorithms of the Cursor Connections Specification, section 4.4.
func TestPages(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cursors := testKey(t)
		n := rapid.IntRange(0, 8).Draw(t, "elements")
		size := rapid.IntRange(1, 10).Draw(t, "size")
		at := func(label string) (*byte, *string) {
			if rapid.Bool().Draw(t, "no "+label) {
				return nil, nil
			}
			i := byte(rapid.IntRange(0, 9).Draw(t, label))
			return &i, new(cursors.Sign("numbers", []byte{i}))
		}
		after, afterCursor := at("after")
		before, beforeCursor := at("before")
		a := PageArguments{After: afterCursor, Before: beforeCursor}
		edges := between(n, after, before)
		want, info := edges, PageInfo{}
		if rapid.Bool().Draw(t, "last") {
			a.Last = &size
			want = edges[max(0, len(edges)-size):]
			info = PageInfo{HasPreviousPage: len(edges) > size, HasNextPage: before != nil}
		} else {
			a.First = &size
			want = edges[:min(size, len(edges))]
			info = PageInfo{HasPreviousPage: after != nil, HasNextPage: len(edges) > size}
		}
		if len(want) > 0 {
			info.StartCursor = new(cursors.Sign("numbers", want[:1]))
			info.EndCursor = new(cursors.Sign("numbers", want[len(want)-1:]))
		}
		got, gotInfo, err := pageOfNumbers(cursors, n, a)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(append([]byte{}, want...), got); diff != "" {
			t.Errorf("elements (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(info, gotInfo); diff != "" {
			t.Errorf("page info (-want +got):\n%s", diff)
		}
	})
}

// TestPageWalks walks from the start to the end of a list, and back.
func TestPageWalks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cursors := testKey(t)
		n := rapid.IntRange(0, 30).Draw(t, "elements")
		size := rapid.IntRange(1, 31).Draw(t, "size")
		var forwards, backwards []byte
		for a := (PageArguments{First: &size}); ; {
			edges, info, err := pageOfNumbers(cursors, n, a)
			if err != nil {
				t.Fatal(err)
			}
			forwards = append(forwards, edges...)
			if !info.HasNextPage {
				break
			}
			a.After = info.EndCursor
		}
		for a := (PageArguments{Last: &size}); ; {
			edges, info, err := pageOfNumbers(cursors, n, a)
			if err != nil {
				t.Fatal(err)
			}
			backwards = append(append([]byte{}, edges...), backwards...)
			if !info.HasPreviousPage {
				break
			}
			a.Before = info.StartCursor
		}
		if want := between(n, nil, nil); !bytes.Equal(forwards, want) || !bytes.Equal(backwards, want) {
			t.Errorf("forwards %v, backwards %v, want %v", forwards, backwards, want)
		}
	})
}

func TestPageArguments(t *testing.T) {
	t.Parallel()
	cursors := testKey(t)
	cursor := cursors.Sign("numbers", []byte{1})
	tests := map[string]struct {
		arguments PageArguments
		want      string
		n         int // of elements
	}{
		"nothing":         {PageArguments{}, "<nil>", 20},
		"after":           {PageArguments{After: &cursor}, "<nil>", 20},
		"before":          {PageArguments{Before: &cursor}, "<nil>", 1},
		"first":           {PageArguments{First: new(100)}, "<nil>", 50},
		"last":            {PageArguments{Last: new(2)}, "<nil>", 2},
		"none, first":     {PageArguments{First: new(0)}, "BAD_USER_INPUT first=INVALID_FORMAT", 0},
		"none, last":      {PageArguments{Last: new(0)}, "BAD_USER_INPUT last=INVALID_FORMAT", 0},
		"too many, last":  {PageArguments{Last: new(101)}, "BAD_USER_INPUT last=INVALID_FORMAT", 0},
		"first and last":  {PageArguments{First: new(1), Last: new(1)}, "BAD_USER_INPUT last=INVALID_FORMAT", 0},
		"both wrong":      {PageArguments{First: new(-1), Last: new(101)}, "BAD_USER_INPUT first=INVALID_FORMAT last=INVALID_FORMAT", 0},
		"bad after":       {PageArguments{After: new("x")}, "BAD_USER_INPUT after=INVALID_FORMAT", 0},
		"bad before":      {PageArguments{Last: new(1), Before: new("")}, "BAD_USER_INPUT before=INVALID_FORMAT", 0},
		"of another list": {PageArguments{Before: new(cursors.Sign("letters", []byte{1}))}, "BAD_USER_INPUT before=INVALID_FORMAT", 0},
	}
	for name, tt := range tests {
		edges, _, err := pageOfNumbers(cursors, 50, tt.arguments)
		if got := code(err); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
		if len(edges) != tt.n || tt.n > tt.arguments.Size() {
			t.Errorf("%s: %d elements, size %d, want %d", name, len(edges), tt.arguments.Size(), tt.n)
		}
	}
}

// code is authtest.Code, which imports this package.
func code(err error) string {
	e, ok := errors.AsType[*auth.Error](err)
	if !ok {
		return fmt.Sprint(err)
	}
	text := string(e.Code)
	for _, f := range e.Fields {
		text += " " + f.Field + "=" + string(f.Code)
	}
	return text
}
