package app

import (
	"context"
	"fmt"
	"log/slog"

	"usher/graph"
	"usher/graph/trusted"
	"usher/internal/console"
)

// trustedDocuments returns the documents of the manifest in the settings, and those of the console if it is
// enabled. It returns nil if the settings have no manifest.
func trustedDocuments(ctx context.Context, s Settings, log *slog.Logger) (*trusted.Documents, error) {
	if s.TrustedDocuments == "" {
		return nil, nil
	}
	documents, err := trusted.ReadFile(s.TrustedDocuments)
	if err != nil {
		return nil, fmt.Errorf("--trusted-documents: %w", err)
	}
	if err := graph.CheckDocuments(ctx, documents); err != nil {
		return nil, fmt.Errorf("--trusted-documents: %s: %w", s.TrustedDocuments, err)
	}
	log.InfoContext(ctx, "trusted documents are in use", "documents", documents.Len(), "mode", s.TrustedDocumentsMode)
	manifest, built := console.Manifest()
	if !built || !s.Console && !s.Dev {
		return documents, nil
	}
	own, err := trusted.Read(manifest)
	if err == nil {
		err = graph.CheckDocuments(ctx, own)
	}
	if err != nil {
		return nil, fmt.Errorf("the documents of the console do not fit the schema; run `make build`: %w", err)
	}
	return trusted.Join(documents, own), nil
}

// onlyTrusted reports whether the server rejects documents that are not trusted.
func onlyTrusted(s Settings) bool {
	return s.TrustedDocuments != "" && s.TrustedDocumentsMode == "only"
}
