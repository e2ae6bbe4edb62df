package httpd

import (
	"net/netip"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

var testProxies = proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}

func TestClient(t *testing.T) {
	tests := []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"direct", "192.0.2.1:80", nil, "192.0.2.1"},
		{"direct, with a forged header", "192.0.2.1:80", []string{"198.51.100.7"}, "192.0.2.1"},
		{"proxy without a header", "10.0.0.1:80", nil, "10.0.0.1"},
		{"proxy with an empty header", "10.0.0.1:80", []string{""}, "10.0.0.1"},
		{"one proxy", "10.0.0.1:80", []string{"198.51.100.7"}, "198.51.100.7"},
		{"one proxy, forged entries", "10.0.0.1:80", []string{"203.0.113.9, 198.51.100.7"}, "198.51.100.7"},
		{"two proxies", "10.0.0.1:80", []string{"203.0.113.9, 198.51.100.7 ,10.0.0.2"}, "198.51.100.7"},
		{"two headers", "10.0.0.1:80", []string{"203.0.113.9, 198.51.100.7", "10.0.0.2"}, "198.51.100.7"},
		{"proxies only", "10.0.0.1:80", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"forged proxy behind the client", "10.0.0.1:80", []string{"10.0.0.3, 198.51.100.7"}, "198.51.100.7"},
		{"with ports", "10.0.0.1:80", []string{"198.51.100.7:4711, [fd00::2]:80"}, "198.51.100.7"},
		{"IPv6", "[fd00::1]:80", []string{"2001:db8::7"}, "2001:db8::7"},
		{"IPv6 in brackets", "[fd00::1]:80", []string{"[2001:db8::7]"}, "2001:db8::7"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:80", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		{"zone", "[fe80::1%eth0]:80", nil, "fe80::1"},
		{"zone in the header", "10.0.0.1:80", []string{"fe80::7%eth0"}, "fe80::7"},
		{"proxy with a zone", "[fd00::1%eth0]:80", []string{"198.51.100.7"}, "198.51.100.7"},
		{"garbage", "10.0.0.1:80", []string{"198.51.100.7, unknown"}, "10.0.0.1"},
		{"garbage behind a proxy", "10.0.0.1:80", []string{"198.51.100.7, _hidden, 10.0.0.2"}, "10.0.0.2"},
		{"empty entry", "10.0.0.1:80", []string{"198.51.100.7,"}, "10.0.0.1"},
		{"long entry", "10.0.0.1:80", []string{"fe80::1%" + strings.Repeat("a", 1000)}, "10.0.0.1"},
		{"no address", "@", []string{"198.51.100.7"}, "invalid IP"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := testProxies.client(parseAddr(tt.peer), tt.forwarded); got.String() != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func FuzzClient(f *testing.F) {
	f.Add("192.0.2.1:80", "198.51.100.7")
	f.Add("10.0.0.1:80", "198.51.100.7, [fd00::1%a]:80 , ::ffff:10.1.1.1")
	f.Add("[fd00::1]:1", ",,")
	f.Fuzz(func(t *testing.T, remote, forwarded string) {
		peer := parseAddr(remote)
		got := testProxies.client(peer, []string{forwarded})
		if got != got.Unmap().WithZone("") {
			t.Errorf("%s is not in canonical form", got)
		}
		if got == peer {
			return
		}
		if !testProxies.contain(peer) {
			t.Errorf("%s is not a trusted proxy, but the client is %s", peer, got)
		}
		for entry := range strings.SplitSeq(forwarded, ",") {
			if parseAddr(entry) == got {
				return
			}
		}
		t.Errorf("%s is not in %q", got, forwarded)
	})
}

func TestPrintable(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "curl/8.0", "curl/8.0"},
		{"empty", "", ""},
		{"control characters", "a\r\nb\x00c\x7f\u0085", "abc"},
		{"invisible characters", "a\u202eb\u200b", "ab"},
		{"not UTF-8", "a\xff\xc3", "a"},
		{"replacement character", "a\uFFFD", "a\uFFFD"},
		{"at the limit", "12345678901234567890", "12345678901234567890"},
		{"over the limit", "123456789012345678901", "12345678901234567890"},
		{"cut between characters", "1234567890123456789é", "1234567890123456789"},
		{"other scripts", "Zażółć", "Zażółć"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := printable(tt.in, 20); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("curl/8.0 \xff\r\n\u202e", 9)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = min(max(limit, 0), 1000)
		got := printable(s, limit)
		if len(got) > limit || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("printable(%q, %d) = %q", s, limit, got)
		}
		if again := printable(got, limit); again != got {
			t.Errorf("printable again: %q, then %q", got, again)
		}
	})
}
