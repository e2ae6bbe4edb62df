//go:build e2e

package e2e

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/mailing"
	"usher/internal/identity"
	"usher/internal/seal/sealtest"
	"usher/internal/store"
	"usher/internal/storetest"
)

// secretMails are the mails with a secret link, and what their secret is for.
var secretMails = map[auth.MailKind]auth.MailPurpose{
	auth.MailVerifyEmail:   auth.PurposeVerifyEmail,
	auth.MailResetPassword: auth.PurposeResetPassword,
	auth.MailLoginCode:     auth.PurposeLogin,
	auth.MailConfirmEmail:  auth.PurposeChangeEmail,
	auth.MailEmailChanged:  auth.PurposeUndoEmailChange,
	auth.MailSignUp:        auth.PurposeSignUp,
	auth.MailInvitation:    auth.PurposeInvitation,
}

// TestScanner opens every link of every mail in all ways, as programs do that check mail for malware. No secret is used
// up, and no row changes.
func TestScanner(t *testing.T) {
	for name, newDatabase := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			database, address := newDatabase(t), freeAddress(t)
			s, err := store.Open(t.Context(), database, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			r := &relay{}
			flags := append(mailFlags(r.listen(t)), "--console", "--link-url", "http://"+address)
			tokens := mailSecrets(t, s)
			startAt(t, address, database, flags...)
			mails := awaitMails(t, s, r, len(tokens))
			before := dump(t, database)
			links := 0
			for _, m := range mails {
				for _, link := range linksOf(t, m.text) {
					links++
					scan(t, link)
				}
			}
			if links < 2*len(tokens) {
				t.Errorf("%d links in %d mails, want one in each part", links, len(mails))
			}
			if after := dump(t, database); after != before {
				t.Errorf("rows have changed.\nbefore:\n%s\nafter:\n%s", before, after)
			}
			for token, id := range tokens {
				digest := sha256.Sum256([]byte(token))
				if valid, err := s.TakeMailedSecret(t.Context(), id, digest[:], time.Now()); err != nil || !valid {
					t.Errorf("a secret is no longer valid: %t, %v", valid, err)
				}
			}
		})
	}
}

// mailSecrets stores a secret for each purpose and queues its mail. It returns the ids of the secrets by their tokens.
func mailSecrets(t *testing.T, s *store.Store) map[string]uuid.UUID {
	t.Helper()
	tokens := map[string]uuid.UUID{}
	var letters []mailing.Letter
	now := time.Now().UTC().Truncate(time.Microsecond)
	for kind, purpose := range secretMails {
		to, err := identity.ParseEmail("ada@example.com")
		if err != nil {
			t.Fatal(err)
		}
		token, id := "token-of-"+uuid.NewString(), uuid.New()
		digest := sha256.Sum256([]byte(token))
		tokens[token] = id
		err = s.ReplaceMailedSecret(t.Context(), &auth.MailedSecret{
			ID: id, Purpose: purpose, Subject: to.Key, Address: to.Display, AddressKey: to.Key, TokenDigest: digest[:],
			CreatedAt: now, ExpiresAt: now.Add(time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
		letters = append(letters, mailing.Letter{
			Kind: kind, To: to, Token: token, LinkExpires: now.Add(time.Hour), Code: "012345", CodeExpires: now.Add(10 * time.Minute),
			NewAddress: "lovelace@example.net",
		})
	}
	authtest.Queue(t, s, sealtest.Secrets(secret), time.Now, letters...)
	return tokens
}

// awaitMails waits until mails were sent and that is recorded.
func awaitMails(t *testing.T, s *store.Store, r *relay, n int) []received {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for range ticks(ctx, 20*time.Millisecond) {
		sent, err := s.Mails(ctx, auth.MailQuery{State: auth.MailSent, Page: auth.Page[uuid.UUID]{Limit: 100}})
		if err != nil {
			t.Fatal(err)
		}
		if len(sent) == n {
			mails, _ := r.mails()
			return mails
		}
	}
	t.Fatal("the mails were not sent")
	return nil
}

// linksOf returns the links in both parts of a mail.
func linksOf(t *testing.T, source string) (links []string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return links
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			for _, href := range find(hrefs, string(text)) {
				links = append(links, html.UnescapeString(href))
			}
		} else {
			links = append(links, textURLs.FindAllString(string(text), -1)...)
		}
	}
}

// scan requests a link in every way. The fragment of a URL is not sent, but programs may confuse it with a query or
// escape it.
func scan(t *testing.T, link string) {
	t.Helper()
	parsed, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	page := strings.TrimSuffix(link, "#"+parsed.Fragment)
	if !strings.HasPrefix(parsed.Fragment, "token=") {
		t.Errorf("%s has no token", link)
	}
	for _, target := range []string{link, page, page + "?" + parsed.Fragment, page + "%23" + parsed.Fragment, page + "/"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions, http.MethodPut} {
			for _, kind := range []string{"", "application/x-www-form-urlencoded", "application/json"} {
				var body io.Reader
				switch kind {
				case "application/x-www-form-urlencoded":
					body = strings.NewReader(parsed.Fragment)
				case "application/json":
					body = strings.NewReader(fmt.Sprintf(`{"token": %q}`, strings.TrimPrefix(parsed.Fragment, "token=")))
				}
				request, err := http.NewRequestWithContext(t.Context(), method, target, body)
				if err != nil {
					t.Fatal(err)
				}
				if kind != "" {
					request.Header.Set("Content-Type", kind)
				}
				request.Header.Set("User-Agent", "Mozilla/5.0 (compatible; a mail scanner)")
				response, err := client.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.Copy(io.Discard, response.Body)
				response.Body.Close()
				if err != nil || response.StatusCode >= http.StatusInternalServerError {
					t.Errorf("%s %s: %s, %v", method, page, response.Status, err)
				}
			}
		}
	}
}

// dump returns all rows that a link could change.
func dump(t *testing.T, database string) string {
	t.Helper()
	db := open(t, database)
	defer db.Close()
	var b strings.Builder
	for _, table := range []string{"users", "sessions", "credentials", "mailed_secrets", "mail_messages", "audit_events"} {
		dumpTable(t, db, table, &b)
	}
	if b.Len() == 0 {
		t.Fatal("no rows")
	}
	return b.String()
}

func dumpTable(t *testing.T, db *sql.DB, table string, to io.Writer) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table+" ORDER BY 1, 2") //nolint:unqueryvet // Every column is meant.
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(to, table, values)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
