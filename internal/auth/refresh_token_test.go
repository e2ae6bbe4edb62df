package auth_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"strconv"

	"usher/internal/request"
)

// noteOf is what a rotation to a generation notes about the client of a request.
func noteOf(ctx context.Context, generation int) string {
	info := request.From(ctx)
	network := info.Client.String()
	if info.Client.Is6() {
		network = netip.PrefixFrom(info.Client, 64).Masked().String()
	}
	sum := sha256.Sum256([]byte(network + "\n" + info.UserAgent))
	return strconv.Itoa(generation) + " " + base64.RawURLEncoding.EncodeToString(sum[:16])
}
