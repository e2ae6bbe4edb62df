package main

import (
	"bytes"
	"errors"
	"strconv"
)

var errAnswer = errors.New("not an HTTP/1.1 response with a Content-Length")

var (
	headEnd       = []byte("\r\n\r\n")
	lineEnd       = []byte("\r\n")
	answerStart   = []byte("HTTP/1.1 ")
	contentLength = []byte("content-length")
)

// parseAnswer parses an HTTP/1.1 response at the start of the received bytes. It supports only the part of RFC
// 9112 that Go's server uses for short responses: a status and a Content-Length. size is the length of the whole
// response in bytes, or 0 if sent is incomplete.
func parseAnswer(sent []byte) (status int, body []byte, size int, err error) {
	end := bytes.Index(sent, headEnd)
	if end < 0 {
		return 0, nil, 0, nil
	}
	head, start := sent[:end], end+len(headEnd)
	if len(head) < len(answerStart)+3 || !bytes.HasPrefix(head, answerStart) {
		return 0, nil, 0, errAnswer
	}
	for _, digit := range head[len(answerStart) : len(answerStart)+3] {
		if digit < '0' || digit > '9' {
			return 0, nil, 0, errAnswer
		}
		status = status*10 + int(digit-'0')
	}
	length := -1
	_, head, _ = bytes.Cut(head, lineEnd)
	for len(head) > 0 && length < 0 {
		var line []byte
		line, head, _ = bytes.Cut(head, lineEnd)
		name, value, _ := bytes.Cut(line, []byte(":"))
		if !bytes.EqualFold(name, contentLength) {
			continue
		}
		// The conversion does not allocate, because the string does not escape from Atoi.
		if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil || length < 0 || length > 1<<20 {
			return 0, nil, 0, errAnswer
		}
	}
	switch {
	case length < 0:
		return 0, nil, 0, errAnswer
	case len(sent) < start+length:
		return 0, nil, 0, nil
	}
	return status, sent[start : start+length], start + length, nil
}
