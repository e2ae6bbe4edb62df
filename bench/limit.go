package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"usher/bench/bare"
)

// The limit handlers do the minimum work for an answer: one signature, one statement and one JSON text. They are
// plain handlers with common libraries and without special optimizations.

// limitProgram is the process of the limit handlers.
func limitProgram(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("limit", flag.ContinueOnError)
	address := flags.String("listen", "127.0.0.1:0", "`address` to listen on")
	if err := flags.Parse(args); err != nil {
		return err
	}
	read, write, err := openPools(os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer func() { _, _ = read.Close(), write.Close() }()
	handler, err := newLimit(ctx, read, write)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", *address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type limit struct {
	user   *sqlx.Stmt
	rotate *sqlx.Stmt
	parser *jwt.Parser
}

// The paths of the handlers to compare `me` with, in the process of the limit handlers: the minimum work, and
// servers that a team would write with gqlgen alone.
const (
	pathMe    = "/me"
	pathBare  = "/gqlgen"
	pathTuned = "/gqlgen/tuned"
)

// newLimit prepares the statements once. Otherwise SQLite would parse the text for each request, which reduces
// the throughput by a fifth.
func newLimit(ctx context.Context, read, write *sqlx.DB) (http.Handler, error) {
	user, err1 := read.PreparexContext(ctx, `SELECT id, username, email, roles, created_at FROM users WHERE id = $1`)
	rotate, err2 := write.PreparexContext(ctx, `
		UPDATE sessions SET refresh_generation = refresh_generation + 1, rotated_at = $3, last_used_at = $3
		WHERE id = $1 AND refresh_generation = $2 AND ended_at IS NULL AND expires_at > $3`)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	l := &limit{user, rotate, jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST "+pathMe, l.me)
	mux.HandleFunc("POST /refresh", l.refresh)
	for path, tuned := range map[string]bool{pathBare: false, pathTuned: true} {
		server, err := bare.New(ctx, read, []byte(secret), tuned)
		if err != nil {
			return nil, err
		}
		mux.Handle("POST "+path, server)
	}
	return mux, nil
}

// limitKey returns the key of the limit handlers' tokens.
func limitKey(*jwt.Token) (any, error) { return []byte(secret), nil }

// limitToken returns an access token for the limit handlers.
func limitToken(subject, session string) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": "limit", "aud": "limit", "sub": subject, "sid": session, "jti": uuid.NewString(),
		"iat": now().Unix(), "exp": now().Add(accessTTL).Unix(),
	}).SignedString([]byte(secret))
}

// row is a row of the table users.
type row struct {
	ID        string         `db:"id"`
	Username  string         `db:"username"`
	Email     string         `db:"email"`
	Roles     string         `db:"roles"`
	CreatedAt bare.Timestamp `db:"created_at"`
}

// meAnswer is the answer to the query of meBody, in GraphQL's envelope.
type meAnswer struct {
	Data struct {
		Me profile `json:"me"`
	} `json:"data"`
}

func (l *limit) me(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	var claims jwt.RegisteredClaims
	if _, err := l.parser.ParseWithClaims(bearer, &claims, limitKey); err != nil {
		http.Error(w, "no valid token", http.StatusUnauthorized)
		return
	}
	var u row
	if err := l.user.GetContext(r.Context(), &u, claims.Subject); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	var answer meAnswer
	answer.Data.Me = profile{u.ID, u.Username, u.Email, strings.Fields(u.Roles), u.CreatedAt.Time}
	writeJSON(w, answer)
}

func (l *limit) refresh(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Session    string `json:"session"`
		Generation uint32 `json:"generation"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, "not a request", http.StatusBadRequest)
		return
	}
	result, err := l.rotate.ExecContext(r.Context(), in.Session, in.Generation, now().UTC().Truncate(time.Microsecond))
	var changed int64
	if err == nil {
		changed, err = result.RowsAffected()
	}
	if err != nil || changed != 1 {
		http.Error(w, fmt.Sprintf("rotated %d: %v", changed, err), http.StatusConflict)
		return
	}
	access, err := limitToken("", in.Session)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, struct {
		AccessToken string `json:"accessToken"`
	}{access})
}

func writeJSON(w http.ResponseWriter, answer any) {
	text, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}
