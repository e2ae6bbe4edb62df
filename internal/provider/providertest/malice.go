package providertest

import (
	"maps"
	"net/http"
	"strings"
)

// Answer replaces what a path answers. A nil handler restores the server's own.
func Answer(path string, h http.HandlerFunc) func(*Behavior) {
	return func(b *Behavior) {
		b.Handlers = maps.Clone(b.Handlers)
		if b.Handlers == nil {
			b.Handlers = map[string]http.HandlerFunc{}
		}
		b.Handlers[path] = h
	}
}

// Status makes a path answer with a status, and a body that no error may quote.
func Status(path string, status int) func(*Behavior) {
	return Answer(path, func(w http.ResponseWriter, r *http.Request) { http.Error(w, Quoted, status) })
}

// Quoted is in answers that no error may quote.
const Quoted = "do-not-quote-me"

// RedirectTo makes a path redirect to a URL.
func RedirectTo(path, target string) func(*Behavior) {
	return Answer(path, http.RedirectHandler(target, http.StatusTemporaryRedirect).ServeHTTP)
}

// Giant makes a path answer with more than a megabyte of valid JSON.
func Giant(path string) func(*Behavior) {
	return Answer(path, func(w http.ResponseWriter, r *http.Request) {
		respond(w, http.StatusOK, map[string]string{"padding": strings.Repeat("x", 2<<20)})
	})
}

// Hang makes a path of the server answer only after the client has left or the test has ended.
func (s *Server) Hang(path string) func(*Behavior) {
	return Answer(path, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-s.done:
		case <-r.Context().Done():
		}
	})
}

// Claim sets a claim of ID tokens. Nil removes it.
func Claim(name string, value any) func(*Behavior) {
	return func(b *Behavior) {
		before := b.Claims
		b.Claims = func(claims map[string]any) {
			if before != nil {
				before(claims)
			}
			set(claims, name, value)
		}
	}
}

// Metadatum sets a member of the discovery document. Nil removes it.
func Metadatum(name string, value any) func(*Behavior) {
	return func(b *Behavior) {
		before := b.Metadata
		b.Metadata = func(document map[string]any) {
			if before != nil {
				before(document)
			}
			set(document, name, value)
		}
	}
}

func set(members map[string]any, name string, value any) {
	if value == nil {
		delete(members, name)
		return
	}
	members[name] = value
}
