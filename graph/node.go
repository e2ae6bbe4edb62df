package graph

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"usher/graph/directive"
	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/admin"
	"usher/internal/auth/sessions"
)

// Node is an object of a type that implements the schema's interface Node. gqlgen tells the types apart.
type Node any

// nodeFields are fields of Query that return the objects of a type which `node` returns too. `node` returns them to the
// callers that the rule of the field allows. Everything else that `node` returns belongs to the caller.
var nodeFields = map[string]string{
	"User":        "user",
	"OAuthClient": "oauthClients",
	"AuditEvent":  "auditEvents",
	"MailMessage": "mailMessages",
}

// nodes finds objects by id, for the field `node`. Ids are UUIDs without a type, so it looks into one table after the
// other.
type nodes struct {
	access   *access.Service
	sessions *sessions.Service
	admin    *admin.Service
	schema   *directive.Schema
}

// find returns the object with an id. An object that the caller may not have is nil, like one that does not exist: the
// same statements run for both.
func (n *nodes) find(ctx context.Context, id uuid.UUID) (Node, error) {
	viewer, err := n.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	switch id {
	case viewer.User.ID: // known without a statement
		return &viewer.User, nil
	case viewer.Session.ID:
		return &viewer.Session, nil
	}
	if session, err := n.sessions.Session(ctx, id); session != nil || err != nil {
		return session, err
	}
	if allowed, err := n.allowed(ctx, "User"); err != nil {
		return nil, err
	} else if allowed {
		if user, err := n.admin.User(ctx, id); user != nil || err != nil {
			return user, err
		}
	}
	if allowed, err := n.allowed(ctx, "OAuthClient"); err != nil {
		return nil, err
	} else if allowed {
		if client, err := n.admin.OAuthClient(ctx, id); client != nil || err != nil {
			return client, err
		}
	}
	if allowed, err := n.allowed(ctx, "AuditEvent"); err != nil {
		return nil, err
	} else if allowed {
		if event, err := n.admin.AuditEvent(ctx, id); event != nil || err != nil {
			return event, err
		}
	}
	if allowed, err := n.allowed(ctx, "MailMessage"); err != nil {
		return nil, err
	} else if allowed {
		if mail, err := n.admin.MailMessage(ctx, id); mail != nil || err != nil {
			return mail, err
		}
	}
	return nil, nil
}

// allowed reports whether the caller may have the objects of a type that belong to nobody or to others.
func (n *nodes) allowed(ctx context.Context, typeName string) (bool, error) {
	err := n.access.Authorize(ctx, nodeRule(n.schema, typeName), nil)
	if _, refused := errors.AsType[*auth.Error](err); refused {
		return false, nil
	}
	return err == nil, err
}

// nodeRule returns the rule of the field of Query that returns the objects of a type.
func nodeRule(schema *directive.Schema, typeName string) *auth.Rule {
	return schema.FieldRule(schema.Query.Fields.ForName(nodeFields[typeName]))
}

// withheldNodes returns the types whose objects `node` does not return to callers with a view, unless the objects are
// their own.
func withheldNodes(schema *directive.Schema, view directive.View) (withheld []string) {
	for typeName := range nodeFields {
		if !view.Admits(nodeRule(schema, typeName)) {
			withheld = append(withheld, typeName)
		}
	}
	return withheld
}
