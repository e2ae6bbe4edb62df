package operator

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/google/uuid"

	"usher/internal/auth"
)

// auditLine is an event as exports write it. docs/audit-log.md describes the members, which programs of others read: they
// never change their meaning.
type auditLine struct {
	ID          uuid.UUID           `json:"id"`
	At          string              `json:"at"`
	Kind        auth.AuditEventKind `json:"kind"`
	ActorID     *uuid.UUID          `json:"actorId,omitempty"`
	Operator    bool                `json:"operator,omitempty"`
	UserID      *uuid.UUID          `json:"userId,omitempty"`
	SessionID   *uuid.UUID          `json:"sessionId,omitempty"`
	ClientID    *uuid.UUID          `json:"clientId,omitempty"`
	Roles       []auth.Role         `json:"roles,omitzero"`
	Permissions []auth.Permission   `json:"permissions,omitzero"`
	Identifier  *string             `json:"identifier,omitempty"`
	IPAddress   *string             `json:"ipAddress,omitempty"`
	UserAgent   *string             `json:"userAgent,omitempty"`
	RequestID   *string             `json:"requestId,omitempty"`
}

// auditTime is RFC 3339 with the microseconds that are stored, which is also the most that RFC 5424 §6.2.3 allows.
const auditTime = "2006-01-02T15:04:05.000000Z07:00"

// AuditJSON returns an event as a JSON object on one line, without a line feed.
func AuditJSON(e *auth.AuditEvent) ([]byte, error) {
	return json.Marshal(auditLine{
		ID: e.ID, At: e.At.UTC().Format(auditTime), Kind: e.Kind, ActorID: e.ActorID, Operator: e.Operator,
		UserID: e.UserID, SessionID: e.SessionID, ClientID: e.ClientID, Roles: e.Roles, Permissions: e.Permissions,
		Identifier: e.Identifier, IPAddress: e.IPAddress, UserAgent: e.UserAgent, RequestID: e.RequestID,
	})
}

// auditPriority is the priority of RFC 5424 §6.2.1: the facility "log audit" (13) and the severity "informational" (6).
const auditPriority = 13*8 + 6

// AuditSyslog returns a function that returns an event as a message of RFC 5424 from a host, with the object of AuditJSON
// as its text. The message has only ASCII: UTF-8 would need a byte order mark (§6.4), which is not JSON.
func AuditSyslog(host string) func(*auth.AuditEvent) ([]byte, error) {
	host = syslogName(host, 255)
	return func(e *auth.AuditEvent) ([]byte, error) {
		object, err := AuditJSON(e)
		if err != nil {
			return nil, err
		}
		return fmt.Appendf(nil, "<%d>1 %s %s usher - %s - %s",
			auditPriority, e.At.UTC().Format(auditTime), host, syslogName(string(e.Kind), 32), ascii(object)), nil
	}
}

// syslogName returns a field of the header of RFC 5424 §6: printable ASCII without spaces, or "-" for an empty one.
func syslogName(name string, limit int) string {
	name = strings.Map(func(r rune) rune {
		if r < '!' || r > '~' {
			return -1
		}
		return r
	}, name)
	if name == "" {
		return "-"
	}
	return name[:min(len(name), limit)]
}

// ascii escapes all other characters in a JSON text, which has them in strings only.
func ascii(text []byte) string {
	var b strings.Builder
	for _, r := range string(text) {
		switch {
		case r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
