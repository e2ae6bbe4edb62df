// Package breach owns the lists of passwords that were published after breaches: a file that Build makes of the list
// that the operator downloaded, and a service that is asked by ranges of hashes.
package breach

import (
	"context"
	"crypto/sha1" //nolint:gosec // the published lists have SHA-1 hashes; nothing is protected by them
	"errors"
	"log/slog"
	"time"

	"usher/internal/observe"
)

// Hash is the SHA-1 hash of a password in UTF-8.
type Hash [sha1.Size]byte

// HashOf returns the hash of a password.
func HashOf(password string) Hash { return sha1.Sum([]byte(password)) } //nolint:gosec // see the import

// Options say which lists there are.
type Options struct {
	// File is what Build has made. Empty means none.
	File string
	// URL is the service's URL without the digits. Empty means none.
	URL string
	// Timeout bounds a request to the service.
	Timeout time.Duration
	// Count is told of each look-up and whether a list failed. Nil means that nothing is counted.
	Count func(failed bool)
	// Observer observes the requests to the service. Nil means that nothing does.
	Observer *observe.Observer
	// Log receives the failures. No line has a part of a hash.
	Log *slog.Logger
}

// List is the lists together. It is safe for concurrent use.
type List struct {
	file    *File
	service *Service
	count   func(failed bool)
	log     *slog.Logger
}

// Open opens the lists. It is nil if there are none. The caller must close it.
func Open(o Options) (*List, error) {
	if o.File == "" && o.URL == "" {
		return nil, nil
	}
	l := &List{count: o.Count, log: o.Log}
	if l.count == nil {
		l.count = func(bool) {}
	}
	if o.File != "" {
		var err error
		if l.file, err = OpenFile(o.File); err != nil {
			return nil, err
		}
	}
	if o.URL != "" {
		l.service = NewService(o.URL, o.Timeout, o.Observer)
	}
	return l, nil
}

// Close closes the file and the idle connections. A nil List can be closed.
func (l *List) Close() error {
	if l == nil {
		return nil
	}
	l.service.close()
	return l.file.Close()
}

// Compromised reports whether one of the texts is a published password. The error says that the lists could not tell.
//
// With a file and a service, the file answers first. It never misses a password that it was made of, and what it
// finds, the service confirms. So the service hears of few passwords. While it does not answer, the answer of the
// file holds.
func (l *List) Compromised(ctx context.Context, texts ...string) (bool, error) {
	for _, text := range texts {
		found, err := l.contains(ctx, HashOf(text))
		if found || err != nil {
			return found, err
		}
	}
	return false, nil
}

func (l *List) contains(ctx context.Context, hash Hash) (bool, error) {
	var inFile bool
	var fileErr, serviceErr error
	defer func() { l.count(fileErr != nil || serviceErr != nil && ctx.Err() == nil) }()
	if l.file != nil {
		if inFile, fileErr = l.file.Contains(hash); fileErr != nil {
			l.log.ErrorContext(ctx, "file of breached passwords not read", "err", fileErr)
		}
		if fileErr == nil && !inFile || l.service == nil {
			return inFile, fileErr
		}
	}
	var found bool
	if found, serviceErr = l.service.Contains(ctx, hash); serviceErr == nil {
		return found, nil
	}
	if ctx.Err() == nil { // otherwise the client has left
		l.log.WarnContext(ctx, "service of breached passwords not reached", "err", serviceErr)
	}
	if inFile {
		return true, nil
	}
	return false, errors.Join(fileErr, serviceErr)
}
