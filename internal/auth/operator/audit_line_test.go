package operator_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/operator"
)

// event has a value in every field, and text that clients choose with characters that formats could trip over.
func event() *auth.AuditEvent {
	id := func(n byte) *uuid.UUID { u := uuid.UUID{15: n}; return &u }
	return &auth.AuditEvent{
		ID: *id(1), At: time.Date(2030, 1, 2, 3, 4, 5, 60000, time.FixedZone("", 3600)), Kind: auth.EventRoleUpdated, ActorID: id(2), Operator: true,
		UserID: id(3), SessionID: id(4), ClientID: id(5), Roles: []auth.Role{"USER"}, Permissions: []auth.Permission{"a:b"},
		Identifier: new("zoë\n<110>1 \u2028\U0001F600\x7f\x00\"]"), IPAddress: new("2001:db8::1"), UserAgent: new("curl\xff\r\n"), RequestID: new("r1"),
	}
}

// TestAuditJSON checks that docs/audit-log.md describes the members of an exported event, in their order.
func TestAuditJSON(t *testing.T) {
	t.Parallel()
	e := event()
	for i, v := 0, reflect.ValueOf(*e); i < v.NumField(); i++ {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() && name != "Actor" && name != "User" {
			t.Errorf("this test must set %s", name)
		}
	}
	line, err := operator.AuditJSON(e)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(string(line), "\n\r\x00") {
		t.Errorf("%q is not one line", line)
	}
	var members []string
	decoder := json.NewDecoder(bytes.NewReader(line))
	if _, err := decoder.Token(); err != nil { // the brace
		t.Fatal(err)
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}
		members = append(members, name.(string))
	}
	docs, err := os.ReadFile("../../../docs/audit-log.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllStringSubmatch(string(docs), -1) {
		documented = append(documented, row[1])
	}
	if !slices.Equal(documented, members) {
		t.Errorf("documented: %v\nexported: %v", documented, members)
	}
	var got map[string]any
	if err := json.Unmarshal(line, &got); err != nil || got["identifier"] != *e.Identifier || got["at"] != "2030-01-02T02:04:05.000060Z" || got["operator"] != true {
		t.Errorf("%s: %v", line, err)
	}
	const least = `{"id":"00000000-0000-0000-0000-000000000000","at":"0001-01-01T00:00:00.000000Z","kind":"LOGOUT"}`
	if line, err = operator.AuditJSON(&auth.AuditEvent{Kind: auth.EventLogout}); err != nil || string(line) != least {
		t.Errorf("%s, %v, want %s", line, err, least)
	}
}

// syslog is the grammar of RFC 5424 §6 for what AuditSyslog writes.
var syslog = regexp.MustCompile(`^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([!-~]{1,255}) usher - ([!-~]{1,32}) - ([ -~]*)$`)

func TestAuditSyslog(t *testing.T) {
	t.Parallel()
	for _, kind := range auth.AuditEventKinds {
		for host, want := range map[string]string{"auth-1": "auth-1", "": "-", "two words\n": "twowords", "zoë": "zo", strings.Repeat("h", 300): strings.Repeat("h", 255)} {
			e := event()
			e.Kind = kind
			line, err := operator.AuditSyslog(host)(e)
			if err != nil {
				t.Fatal(err)
			}
			parts := syslog.FindStringSubmatch(string(line))
			if parts == nil || parts[1] != "110" || parts[3] != want || parts[4] != string(kind) {
				t.Fatalf("%q: %q", line, parts)
			}
			object, err := operator.AuditJSON(e)
			if err != nil {
				t.Fatal(err)
			}
			var got, wanted any
			if err := json.Unmarshal([]byte(parts[5]), &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(object, &wanted); err != nil || !reflect.DeepEqual(got, wanted) {
				t.Errorf("%s, want %s", parts[5], object)
			}
		}
	}
}
