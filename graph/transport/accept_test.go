package transport

import "testing"

func TestNegotiate(t *testing.T) {
	t.Parallel()
	const none mediaType = ""
	tests := []struct {
		accept []string
		want   mediaType
	}{
		{nil, plainJSON},
		{[]string{""}, plainJSON},
		{[]string{" , "}, plainJSON},
		{[]string{"*/*"}, plainJSON},
		{[]string{"application/*"}, plainJSON},
		{[]string{"application/json"}, plainJSON},
		{[]string{"APPLICATION/JSON; charset=utf-8"}, plainJSON},
		{[]string{"application/graphql-response+json"}, graphqlResponse},
		{[]string{"application/graphql-response+json; charset=utf-8"}, graphqlResponse},
		// equal weights: what was made for GraphQL, if the client knows it
		{[]string{"application/graphql-response+json, application/json"}, graphqlResponse},
		{[]string{"application/json, application/graphql-response+json"}, graphqlResponse},
		{[]string{"application/json", "application/graphql-response+json"}, graphqlResponse},
		{[]string{"application/graphql-response+json, */*"}, graphqlResponse},
		{[]string{"application/json, */*"}, plainJSON},
		{[]string{"application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"}, graphqlResponse},
		{[]string{"multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json;q=0.9"}, graphqlResponse},
		// weights
		{[]string{"application/graphql-response+json;q=0.9, application/json"}, plainJSON},
		{[]string{"application/graphql-response+json;q=0.1, application/json;q=0.2"}, plainJSON},
		{[]string{"application/graphql-response+json;q=0.200, application/json;q=0.2"}, graphqlResponse},
		{[]string{"application/graphql-response+json;q=0.201, application/json;q=0.2"}, graphqlResponse},
		{[]string{"application/json;q=0.5, */*"}, graphqlResponse},
		{[]string{"application/json;q=0.5, application/*;q=0.6, */*;q=0.4"}, graphqlResponse},
		{[]string{"application/json;q=0, */*;q=0.1"}, graphqlResponse},
		{[]string{"application/graphql-response+json;q=0, */*"}, plainJSON},
		{[]string{"application/json ; Q=0.5 , application/graphql-response+json\t;\tq=0.4"}, plainJSON},
		{[]string{"application/json;level=1;q=0.1, application/graphql-response+json;q=0.2"}, graphqlResponse},
		{[]string{"text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8"}, plainJSON},
		// what is neither
		{[]string{"text/html"}, none},
		{[]string{"application/xml, text/*"}, none},
		{[]string{"application/json;q=0"}, none},
		{[]string{"application/json;q=0.000"}, none},
		{[]string{"application/*;q=0, */*"}, none},
		{[]string{"application"}, none},
		{[]string{"json"}, none},
		{[]string{"application/json;q=x"}, none},
		{[]string{"application/json;q="}, none},
		{[]string{"application/json;q=-1"}, none},
		{[]string{"application/json;q=NaN"}, none},
		{[]string{"application/json;q=2"}, none},
		{[]string{"application/json;q=0.0001"}, none},
		{[]string{"application/json;q=0.1e"}, none},
		{[]string{"application/json;q=1.9"}, plainJSON},
	}
	for _, tt := range tests {
		got, ok := negotiate(tt.accept)
		if !ok {
			got = none
		}
		if got != tt.want {
			t.Errorf("%q: %q, want %q", tt.accept, got, tt.want)
		}
	}
}
