package coerce

import (
	"context"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Surrogates is the extension of gqlgen that reads the escapes of surrogate pairs in the strings of a
// document, such as "\uD83D\uDE42". gqlparser makes two U+FFFD of that, whichever pair it is, and so
// many passwords would be one.
type Surrogates struct{}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationParameterMutator
} = Surrogates{}

// ExtensionName is for gqlgen's statistics.
func (Surrogates) ExtensionName() string { return "Surrogates" }

// Validate has nothing to check.
func (Surrogates) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters puts each character that is written as a pair into the document, and
// refuses half a pair (GraphQL September 2025 §2.9.4).
func (Surrogates) MutateOperationParameters(_ context.Context, params *graphql.RawParams) *gqlerror.Error {
	if !strings.Contains(params.Query, `\u`) {
		return nil
	}
	query, lone := joinSurrogates(params.Query)
	if lone < 0 {
		params.Query = query
		return nil
	}
	before := params.Query[:lone]
	line := strings.LastIndexByte(before, '\n') + 1
	err := gqlerror.ErrorLocf("", 1+strings.Count(before, "\n"), 1+utf8.RuneCountInString(before[line:]), "half a surrogate pair")
	errcode.Set(err, errcode.ParseFailed)
	return err
}

// joinSurrogates returns the query with the pairs in its strings replaced, and -1 or the place of the
// first half without its other. Comments and block strings have no escapes.
func joinSurrogates(query string) (joined string, lone int) {
	var out strings.Builder
	kept := 0 // up to where query has gone to out
	for i := 0; i < len(query); {
		switch {
		case query[i] == '#':
			for i < len(query) && query[i] != '\n' && query[i] != '\r' {
				i++
			}
		case strings.HasPrefix(query[i:], `"""`):
			i = skipBlock(query, i+3)
		case query[i] == '"':
			for i++; i < len(query) && query[i] != '"' && query[i] != '\n' && query[i] != '\r'; {
				unit := codeUnit(query[i:])
				switch {
				case utf16.IsSurrogate(unit):
					r := utf16.DecodeRune(unit, codeUnit(query[i+6:]))
					if r == utf8.RuneError {
						return "", i
					}
					out.WriteString(query[kept:i])
					out.WriteRune(r)
					i += 12
					kept = i
				case query[i] == '\\':
					i += 2
				default:
					i++
				}
			}
			i++
		default:
			i++
		}
	}
	return out.String() + query[kept:], -1
}

// codeUnit returns what the escape \uXXXX says that s begins with, 0 when it does not.
func codeUnit(s string) rune {
	if len(s) < 6 || s[:2] != `\u` {
		return 0
	}
	unit, err := strconv.ParseUint(s[2:6], 16, 16)
	if err != nil {
		return 0
	}
	return rune(unit)
}

// skipBlock returns the index behind a block string whose inside begins at i.
func skipBlock(s string, i int) int {
	for i < len(s) {
		switch {
		case strings.HasPrefix(s[i:], `\"""`):
			i += 4
		case strings.HasPrefix(s[i:], `"""`):
			return i + 3
		default:
			i++
		}
	}
	return i
}
