package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"
)

func TestParseAnswer(t *testing.T) {
	const whole = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello"
	tests := []struct {
		name, sent, body string
		status, size     int
		bad              bool
	}{
		{"whole", whole, "hello", 200, len(whole), false},
		{"and more", whole + "HTTP", "hello", 200, len(whole), false},
		{"name in another case", "HTTP/1.1 503 \r\ncontent-length:0\r\n\r\n", "", 503, 35, false},
		{"without the end of the body", whole[:len(whole)-1], "", 0, 0, false},
		{"without the end of the head", whole[:40], "", 0, 0, false},
		{"nothing", "", "", 0, 0, false},
		{"no length", "HTTP/1.1 200 OK\r\nA: b\r\n\r\nhello", "", 0, 0, true},
		{"negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "", 0, 0, true},
		{"huge length", "HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n", "", 0, 0, true},
		{"length is no number", "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello", "", 0, 0, true},
		{"status is no number", "HTTP/1.1 2OO OK\r\nContent-Length: 0\r\n\r\n", "", 0, 0, true},
		{"no status", "HTTP/1.1 \r\n\r\n", "", 0, 0, true},
		{"another protocol", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "", 0, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body, size, err := parseAnswer([]byte(tt.sent))
			if status != tt.status || string(body) != tt.body || size != tt.size || errors.Is(err, errAnswer) != tt.bad {
				t.Errorf("got %d %q, %d bytes, %v", status, body, size, err)
			}
		})
	}
}

// FuzzParseAnswer checks that parseAnswer and net/http read the same response.
func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
	f.Add([]byte("HTTP/1.1 404 Not Found\r\ncontent-length:0\r\nX: y\r\n\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		status, body, size, err := parseAnswer(sent)
		if err != nil || size == 0 {
			return
		}
		if size > len(sent) || !bytes.HasSuffix(sent[:size], body) {
			t.Fatalf("%d of %d bytes, with the body %q", size, len(sent), body)
		}
		want, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(sent)), nil)
		if err != nil || len(want.TransferEncoding) > 0 || want.ContentLength != int64(len(body)) {
			return // a response that Go's server does not send
		}
		defer want.Body.Close()
		read, err := io.ReadAll(want.Body)
		if err == nil && len(read) > 0 && (want.StatusCode != status || !bytes.Equal(read, body)) {
			t.Errorf("got %d %q, want %d %q", status, body, want.StatusCode, read)
		}
	})
}
