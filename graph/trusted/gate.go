package trusted

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"usher/internal/observe"
	"usher/internal/request"
)

// CodeNotTrusted is the extensions.code of the error for a document that is not in the manifest.
const CodeNotTrusted = "DOCUMENT_NOT_TRUSTED"

// Gate is an extension of gqlgen for the documents that are not in the manifest: it logs them, or refuses them. It
// must be the first extension, so that a refused document costs no work.
type Gate struct {
	Documents *Documents
	// Only refuses the documents. Otherwise they are logged.
	Only bool
	// Exempt reports whether the caller may send any document. It is asked only with Only.
	Exempt func(context.Context) bool
	// Observer has the log and its clock.
	Observer *observe.Observer

	report reporter
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationParameterMutator
} = (*Gate)(nil)

// ExtensionName is for gqlgen's statistics.
func (*Gate) ExtensionName() string { return "TrustedDocuments" }

// Validate accepts every schema. The documents are validated elsewhere.
func (*Gate) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters checks a document.
func (g *Gate) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	if g.Documents.Contains(params.Query) || g.Only && g.Exempt(ctx) {
		return nil
	}
	g.report.write(ctx, g.Observer, params)
	if !g.Only {
		return nil
	}
	return &gqlerror.Error{
		Message:    "This server accepts only the documents in its manifest.",
		Extensions: map[string]any{"code": CodeNotTrusted},
	}
}

const (
	// maxReports is the number of documents that are logged in a minute. Anybody can send new documents.
	maxReports = 60
	// maxReported is the number of documents that are remembered, so that they are not logged again.
	maxReported = 1000
)

// reporter logs documents: each one once with each name of an operation, unless there are very many.
type reporter struct {
	mu       sync.Mutex
	reported *simplelru.LRU[string, struct{}]
	since    time.Time // the start of the minute
	reports  int       // in this minute
	dropped  int       // since the last line
}

func (r *reporter) write(ctx context.Context, o *observe.Observer, params *graphql.RawParams) {
	// A string in the text may be a password, and the hash would help to guess it. Then only the name is logged.
	key := "unavailable: the document contains a string"
	if !strings.Contains(params.Query, `"`) {
		key = "sha256:" + hash(params.Query)
	}
	name := params.OperationName
	if !isName.MatchString(name) {
		name = ""
	}
	dropped, ok := r.admit(key+" "+name, o.Now()) // the name tells documents without a hash apart
	if !ok {
		return
	}
	o.Log().WarnContext(ctx, "document is not in the manifest of trusted documents",
		slog.String("id", request.From(ctx).ID), slog.String("document", key), slog.String("operation", name), slog.Int("dropped", dropped))
}

// admit reports whether a document is logged, and how many were not since the last one.
func (r *reporter) admit(key string, now time.Time) (dropped int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reported == nil {
		r.reported, _ = simplelru.NewLRU[string, struct{}](maxReported, nil) // the error is for a size below one
	}
	if r.reported.Contains(key) {
		return 0, false
	}
	if now.Sub(r.since) >= time.Minute {
		r.since, r.reports = now, 0
	}
	if r.reports == maxReports {
		r.dropped++
		return 0, false
	}
	r.reported.Add(key, struct{}{})
	r.reports++
	dropped, r.dropped = r.dropped, 0
	return dropped, true
}

// isName matches the names of operations (GraphQL October 2021 §2.1.9) that are not too long for a log.
var isName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
