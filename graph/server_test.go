package graph_test

import (
	"bytes"
	"encoding/base32"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/graph"
	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/auth/factors"
	"usher/internal/auth/recovery"
	"usher/internal/auth/sessions"
	"usher/internal/config"
	"usher/internal/mail"
	"usher/internal/store"
	"usher/internal/token"
	"usher/internal/totp"
)

var settings = app.Settings{Server: config.Server{
	Issuer:        "https://auth.example.com",
	Audience:      config.Resources{"https://api.example.com"},
	DeletionGrace: 14 * 24 * time.Hour,
	Keys: config.Keys{
		SecretKey: config.NewSecret("7e2c3f0b9d1a48c6b5e4f3a2918d7c6b"),
		Algorithm: string(token.HS256), KeyMaxAge: time.Hour, AccessTokenTTL: 15 * time.Minute,
	},
	Providers: config.Providers{Providers: `[{"id": "example", "name": "Example", "issuer": "https://id.example.com", "clientId": "usher", "trustEmail": true}]`},
	Mail: config.Mail{ // which nothing sends in these tests, because no job runs
		SMTPURL: config.NewSecret("smtp://127.0.0.1:2525"), MailFrom: mail.Address{Addr: "no-reply@example.com"},
		LinkURL: "https://app.example.com", MailLocale: "en",
	},
}}

// unlimited are settings without rate limits, for tests with many requests. Their clock stands still, so that no limit
// would allow more later.
func unlimited(s app.Settings) app.Settings {
	s.RateLimits = config.RateLimits{config.AllRateLimits: {}}
	return s
}

const goodPassword = "four small green turtles"

// server is the whole of Usher over one store, with a clock that stands still and randomness that
// repeats, and with people in it.
type server struct {
	url    string
	whole  http.Handler // what answers at url
	domain *domain.Domain
	people map[string]string // their bearer tokens
	ada    *sessions.Tokens  // of her sign-up
	root   *auth.User
	tess   *auth.User
	log    *lockedBuffer
	// seed, step and recoveryCodes are those of tess: of her authenticator app, its current step, and her codes. The first
	// code is used up, and that of the step.
	seed          totp.Seed
	step          int64
	recoveryCodes []string
	// secrets are what golden cases name: of mails to ada, the tokens of a reset and of a verification, and the flow and the
	// code of the reset. See also prepare.
	secrets map[string]string
	random  *lockedReader
	mailbox *authtest.Mailbox
	store   *store.Store
	clock   func() time.Time
}

// newServer makes a server with these people:
//
//	ada      has the role USER
//	root     has the roles USER and ADMIN
//	stale    is root with a fresh access token, two hours after the sign-in
//	demoted  has lost the role ADMIN since he signed in
//	nobody   has no role at all
//	eve      has been disabled since she signed in
//	ended    is ada with a session that was ended
//	expired  is ada with an old access token
//	garbage  has a token that no server made
//	foreign  is root with an access token for another API
func newServer(t testing.TB, s *store.Store, build func(graph.Options) (http.Handler, error)) *server {
	t.Helper()
	return newServerWith(t, s, build, settings, false)
}

// newServerWith is newServer with other settings. With verified, everybody has a verified e-mail address.
func newServerWith(
	t testing.TB, s *store.Store, build func(graph.Options) (http.Handler, error), settings app.Settings, verified bool,
) *server {
	t.Helper()
	now := time.Date(2026, 1, 31, 10, 0, 0, 123456000, time.UTC)
	clock := func() time.Time { return now }
	log, random := &lockedBuffer{}, &lockedReader{r: rand.NewChaCha8([32]byte{1})}
	mailbox := authtest.NewMailbox(t)
	whole, err := app.New(t.Context(), settings,
		slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), app.Overrides{
			Store: s, GraphQL: build, Mail: mailbox.Post(), CheapPasswords: true, Now: clock, Rand: random,
		})
	check(t, err)
	d := whole.Domain
	http := httptest.NewServer(whole)
	t.Cleanup(http.Close)
	w := &server{
		url: http.URL, whole: whole, domain: d, log: log, people: map[string]string{"garbage": "garbage"},
		secrets: map[string]string{}, random: random, mailbox: mailbox, store: s, clock: clock,
	}
	t.Cleanup(func() { w.checkSecrets(t, nil) })

	ctx := t.Context()
	verify := func(u *auth.User) {
		if !verified {
			return
		}
		address := strings.ToLower(*u.Username) + "@example.com"
		check(t, s.SetEmail(ctx, u.ID, auth.Email{Address: &address, Key: &address, VerifiedAt: &now}, now))
	}
	signup := func(username, email string) *sessions.Tokens {
		p, err := d.Accounts.Signup(ctx, accounts.SignupInput{Input: accounts.Input{
			Username: &username, Email: &email, Password: goodPassword, FullName: new("Someone Called " + username),
		}})
		check(t, err)
		verify(p.User)
		return p
	}
	login := func(username string) *sessions.Tokens {
		p, err := d.Sessions.Login(ctx, sessions.LoginInput{Identifier: username, Password: goodPassword})
		check(t, err)
		return p
	}
	create := func(username string, roles []auth.Role) *auth.User {
		u, err := d.Operator.CreateUser(ctx, accounts.Input{Username: &username, Password: goodPassword}, roles)
		check(t, err)
		verify(u)
		return u
	}

	w.root = create("root", auth.Roles)
	stale := login("root")
	now = now.Add(2 * time.Hour)
	w.ada = signup("Ada", "ada@example.com")
	w.people["expired"] = w.ada.AccessToken
	now = now.Add(16 * time.Minute)
	stale, err = d.Sessions.Refresh(ctx, sessions.RefreshInput{RefreshToken: stale.RefreshToken})
	check(t, err)
	w.people["stale"] = stale.AccessToken
	demoted := create("demoted", auth.Roles)
	w.people["demoted"] = login("demoted").AccessToken
	check(t, s.SetRoles(ctx, demoted.ID, []auth.Role{auth.RoleUser}, now))
	nobody := create("nobody", auth.Roles)
	check(t, s.SetRoles(ctx, nobody.ID, nil, now))
	w.people["nobody"] = login("nobody").AccessToken
	w.people["ada"] = login("ada").AccessToken
	w.people["root"] = login("root").AccessToken
	foreign, err := whole.Tokens.Verify(w.people["root"])
	check(t, err)
	foreign.Audience = "https://api.example.com"
	w.people["foreign"], err = whole.Tokens.Sign(*foreign)
	check(t, err)
	w.people["ended"] = login("ada").AccessToken
	viewer, err := d.Access.Viewer(access.WithCaller(ctx, d.Access.Identify(w.people["ended"])))
	check(t, err)
	_, err = s.EndSession(ctx, viewer.Session.ID, now)
	check(t, err)
	eve := signup("Eve", "eve@example.com")
	w.people["eve"] = eve.AccessToken
	check(t, s.SetDisabled(ctx, eve.User.ID, &now, now))
	create("tess", []auth.Role{auth.RoleUser})
	w.setUpFactor(t, login("tess"))
	if !verified { // otherwise there is nothing to verify
		w.mail(t)
	}
	w.repeat() // so that request ids depend on nothing above
	return w
}

// setUpFactor sets up an authenticator app for tess. Her first session is from before that, and her second one used it.
func (s *server) setUpFactor(t testing.TB, tess *sessions.Tokens) {
	t.Helper()
	s.people["tess"], s.tess = tess.AccessToken, tess.User
	as := s.as(t, "tess")
	begun, err := s.domain.Factors.BeginTotpSetup(as)
	check(t, err)
	seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(begun.Key)
	check(t, err)
	s.seed = seed
	s.step = tess.Session.CreatedAt.Unix() / 30
	set, err := s.domain.Factors.ConfirmTotpSetup(as, factors.ConfirmTotpSetupInput{Code: s.seed.Code(s.step)})
	check(t, err)
	s.recoveryCodes = set.RecoveryCodes
	p, err := s.domain.Sessions.CompleteLogin(t.Context(), sessions.CompleteLoginInput{
		Challenge: s.beginLogin(t), Answer: sessions.Answer{RecoveryCode: &set.RecoveryCodes[0]},
	})
	check(t, err)
	s.people["tess, twice"] = p.AccessToken
}

// beginLogin signs tess in with her password, and returns the challenge that asks for a second factor.
func (s *server) beginLogin(t testing.TB) string {
	t.Helper()
	_, err := s.domain.Sessions.Login(t.Context(), sessions.LoginInput{Identifier: "tess", Password: goodPassword, CanContinue: true})
	var second *auth.Error
	if !errors.As(err, &second) || second.Code != auth.CodeSecondFactorRequired {
		t.Fatalf("Login with a second factor: %v", err)
	}
	return second.Continue.Token
}

// repeat makes the randomness repeat from here on.
func (s *server) repeat() { s.random.set(rand.NewChaCha8([32]byte{2})) }

// mail has ada request a reset and a verification, and reads the mails.
func (s *server) mail(t testing.TB) {
	t.Helper()
	reset, err := s.domain.Recovery.RequestPasswordReset(t.Context(), recovery.RequestPasswordResetInput{Identifier: "ada"})
	check(t, err)
	check(t, s.domain.Outbox.Deliver(t.Context())) // one after the other, so that the ids do not depend on the order
	_, err = s.domain.Recovery.RequestEmailVerification(s.as(t, "ada"))
	check(t, err)
	check(t, s.domain.Outbox.Deliver(t.Context()))
	mails := s.mailbox.Take()
	if len(mails) != 2 {
		t.Fatalf("mails %v", mails)
	}
	s.secrets = map[string]string{
		"<reset token>": mails[0].Token, "<reset code>": mails[0].Code, "<reset flow>": reset.Flow, "<verification token>": mails[1].Token,
	}
}

// post sends a body as one of the people, and returns status and answer.
func (s *server) post(t *testing.T, as, body string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/graphql", strings.NewReader(body))
	check(t, err)
	r.Header.Set("Content-Type", "application/json")
	return s.ask(t, as, r)
}

// get sends parameters in the URL as one of the people, and returns status and answer.
func (s *server) get(t *testing.T, as string, parameters url.Values) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/graphql?"+parameters.Encode(), nil)
	check(t, err)
	return s.ask(t, as, r)
}

func (s *server) ask(t *testing.T, as string, r *http.Request) (int, map[string]any) {
	t.Helper()
	r.Header.Set("Accept", "application/graphql-response+json")
	if as != "" {
		bearer, ok := s.people[as]
		if !ok {
			t.Fatalf("nobody is called %q", as)
		}
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := http.DefaultClient.Do(r)
	check(t, err)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	check(t, err)
	s.checkSecrets(t, raw)
	var answer map[string]any
	if bytes.HasPrefix(raw, []byte("[")) { // the answer to a batch
		raw = slices.Concat([]byte(`{"list":`), raw, []byte("}"))
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("the answer is not a JSON object: %v", err)
	}
	return response.StatusCode, answer
}

// ids puts the ids of users in place of "<id of ada>" and so on, or the other way round.
func (s *server) ids(text string, hide bool) string {
	for name, u := range map[string]*auth.User{"ada": s.ada.User, "root": s.root, "tess": s.tess} {
		old, id := "<id of "+name+">", u.ID.String()
		if hide {
			old, id = id, old
		}
		text = strings.ReplaceAll(text, old, id)
	}
	for name, secret := range s.secrets {
		if !hide {
			text = strings.ReplaceAll(text, name, secret)
		}
	}
	return text
}

// secrets are texts that must never leave in an answer or stay in the log.
var secrets = []string{goodPassword, "hunter2", "$argon2", "SELECT", "sqlite", "pgx"}

// checkSecrets looks for what must never leave in an answer or stay in the log.
func (s *server) checkSecrets(t testing.TB, answer []byte) {
	t.Helper()
	log := s.log.unchecked()
	for _, secret := range secrets {
		if bytes.Contains(answer, []byte(secret)) {
			t.Errorf("the answer holds %q", secret)
		}
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if strings.Contains(log, "udt_") {
		t.Error("the log holds a device token")
	}
	for who, bearer := range s.people {
		if who != "garbage" && strings.Contains(log, bearer) {
			t.Errorf("the log holds the token of %s", who)
		}
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (r *lockedReader) set(to io.Reader) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.r = to
}

func (r *lockedReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.r.Read(p)
}

type lockedBuffer struct {
	mu      sync.Mutex
	b       bytes.Buffer
	checked int // bytes that unchecked has returned
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// take returns what was written since the last time, and forgets it.
func (b *lockedBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := b.b.String()
	b.b.Reset()
	b.checked = 0
	return text
}

// unchecked returns the lines that were written since the last time. Searching the whole log after each request took nearly
// all of the time of the tests.
func (b *lockedBuffer) unchecked() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := string(b.b.Bytes()[b.checked:])
	b.checked = b.b.Len()
	return text
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
