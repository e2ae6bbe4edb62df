package auth_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"usher/internal/request"
	"usher/internal/seal"
)

// noteOf is what the database has of a rotation to a generation by the client of a request.
func noteOf(ctx context.Context, generation int) string {
	info := request.From(ctx)
	network := info.Client.String()
	if info.Client.Is6() {
		network = netip.PrefixFrom(info.Client, 64).Masked().String()
	}
	sum := sha256.Sum256([]byte(network + "\n" + info.UserAgent))
	return strconv.Itoa(generation) + " " + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// withOtherSecret returns a refresh token of the same session with another secret. Only somebody who has the
// server's key can make one.
func withOtherSecret(t *testing.T, refreshToken string) string {
	t.Helper()
	key, err := seal.NewKey(secret, "usher refresh token")
	if err != nil {
		t.Fatal(err)
	}
	content, ok := key.Open("", strings.TrimPrefix(refreshToken, "urt_"))
	if !ok {
		t.Fatal("the refresh token does not open")
	}
	content[len(content)-1] ^= 1
	return "urt_" + key.Sign("", content)
}
