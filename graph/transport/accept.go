package transport

import "strings"

// mediaType is what a response is sent as.
type mediaType string

const (
	// graphqlResponse tells a GraphQL response from an answer of something between client and
	// server, so that its status code may say what happened.
	graphqlResponse mediaType = "application/graphql-response+json"
	// plainJSON is what clients take that are older than the specification.
	plainJSON mediaType = "application/json"
)

// negotiate chooses the media type of the response by the values of the Accept header, and says
// whether the client accepts it. Parameters other than q are ignored. Clients that send no Accept
// or wildcards only get application/json, as they did before the specification.
func negotiate(accept []string) (best mediaType, acceptable bool) {
	var graphql, plain preference
	none := true
	for _, line := range accept {
		for line != "" {
			var element string
			element, line, _ = strings.Cut(line, ",")
			element, parameters, _ := strings.Cut(element, ";")
			element = trim(element)
			if element == "" {
				continue
			}
			none = false
			q := quality(parameters)
			graphql.match(element, graphqlResponse, q)
			plain.match(element, plainJSON, q)
		}
	}
	switch {
	case none:
		return plainJSON, true
	case graphql.q > plain.q, graphql.q == plain.q && graphql.precision > precisionType:
		return graphqlResponse, graphql.q > 0
	default:
		return plainJSON, plain.q > 0
	}
}

// preference is what an Accept header says about one media type. The most precise range that
// matches decides (RFC 9110 §12.5.1).
type preference struct {
	precision int
	q         int // in thousandths
}

const (
	precisionAny  = iota + 1 // */*
	precisionType            // application/*
	precisionFull
)

func (p *preference) match(element string, t mediaType, q int) {
	precision := 0
	switch {
	case element == "*/*":
		precision = precisionAny
	case strings.EqualFold(element, "application/*"):
		precision = precisionType
	case strings.EqualFold(element, string(t)):
		precision = precisionFull
	}
	if precision > p.precision {
		*p = preference{precision, q}
	}
}

// quality returns the weight among the parameters of a media range in thousandths: 1000 if there is
// none, and 0 if it is not one (RFC 9110 §12.4.2).
func quality(parameters string) int {
	for parameters != "" {
		var parameter string
		parameter, parameters, _ = strings.Cut(parameters, ";")
		name, value, _ := strings.Cut(trim(parameter), "=")
		if strings.EqualFold(name, "q") {
			return thousandths(value)
		}
	}
	return 1000
}

func thousandths(value string) int {
	whole, decimals, _ := strings.Cut(value, ".")
	if whole != "0" && whole != "1" || len(decimals) > 3 {
		return 0
	}
	n := int(whole[0] - '0')
	for i := range 3 {
		n *= 10
		if i < len(decimals) {
			if decimals[i] < '0' || decimals[i] > '9' {
				return 0
			}
			n += int(decimals[i] - '0')
		}
	}
	return min(n, 1000)
}

// trim drops what HTTP calls optional white space.
func trim(s string) string { return strings.Trim(s, " \t") }
