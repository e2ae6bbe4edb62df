package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"usher/internal/jsonobject"
)

// The endpoints of GitHub.
const (
	gitHubAuthorization = "https://github.com/login/oauth/authorize"
	gitHubToken         = "https://github.com/login/oauth/access_token"
	gitHubUser          = "https://api.github.com/user"
	gitHubEmails        = "https://api.github.com/user/emails"

	// maxGitHubEmails is the size of the largest page of a list. More addresses of a user are not read.
	maxGitHubEmails = 100
)

// gitHubAccount asks GitHub's API whose an access token is.
func (p *Provider) gitHubAccount(ctx context.Context, access string) (*Identity, error) {
	header := http.Header{
		"Authorization": {"Bearer " + access}, "Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"},
	}
	user, err := fetch(ctx, p.client, p.settings.UserinfoEndpoint, header)
	if err != nil {
		return nil, err
	}
	identity, err := readGitHubUser(user)
	if err != nil {
		return nil, err
	}
	identity.Issuer = p.Issuer()
	if slices.Contains(p.settings.Scopes, "user:email") || slices.Contains(p.settings.Scopes, "user") {
		emails, err := fetch(ctx, p.client, withPageSize(p.settings.EmailsEndpoint), header)
		if err != nil {
			return nil, err
		}
		if identity.Email, err = readGitHubEmails(emails); err != nil {
			return nil, err
		}
		identity.EmailVerified = identity.Email != ""
	}
	return p.allowed(identity, nil)
}

// withPageSize returns the URL of a list with the size of its pages.
func withPageSize(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return endpoint
	}
	q := u.Query()
	q.Set("per_page", strconv.Itoa(maxGitHubEmails))
	u.RawQuery = q.Encode()
	return u.String()
}

// readGitHubUser reads the answer of GET /user. The id of an account is a number that never changes. Its login can change, and
// somebody else can get it then. The address there is what the user wants to be seen, so it is not read.
func readGitHubUser(text []byte) (*Identity, error) {
	object, err := jsonobject.Read(text)
	if err != nil {
		return nil, refused("GitHub's user is not a JSON object")
	}
	number, _ := object["id"].(json.Number)
	id, err := strconv.ParseInt(number.String(), 10, 64)
	if err != nil || id <= 0 {
		return nil, refused("GitHub's user has no numeric id")
	}
	return &Identity{Subject: strconv.FormatInt(id, 10), Name: cleanName(members(object).text("name"))}, nil
}

// readGitHubEmails returns the primary address of the answer of GET /user/emails if it is verified, else "".
func readGitHubEmails(text []byte) (string, error) {
	invalid := refused("GitHub's list of addresses is not valid")
	if text = bytes.TrimSpace(text); !bytes.HasPrefix(text, []byte("[")) {
		return "", invalid
	}
	// Read reads objects only.
	object, err := jsonobject.Read(slices.Concat([]byte(`{"emails":`), text, []byte("}")))
	if err != nil || len(object) != 1 {
		return "", invalid
	}
	list, _ := object["emails"].([]any)
	for _, entry := range list[:min(len(list), maxGitHubEmails)] {
		email, ok := entry.(map[string]any)
		if !ok {
			return "", invalid
		}
		if email["primary"] == true && email["verified"] == true {
			return cleanEmail(members(email).text("email")), nil
		}
	}
	return "", nil
}
