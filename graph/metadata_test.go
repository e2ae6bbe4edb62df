package graph_test

import (
	"strings"
	"testing"

	"usher/internal/e2e/operations"
	"usher/internal/jsonobject"
	"usher/internal/storetest"
)

// TestMetadataKeepsNumbers sends numbers that a float64 cannot hold, and reads them in another request.
func TestMetadataKeepsNumbers(t *testing.T) {
	t.Parallel()
	const me = `{"query": "{ me { metadata } }"}`
	tests := map[string]struct{ body, want string }{
		"variable": {
			`{"query": "mutation ($m: JSONObject) { updateMe(input: {metadata: $m}) { user { metadata } } }",
				"variables": {"m": {"n": [9007199254740993, 1.0, 1e2, 0.1000000000000000055511151231257827]}}}`,
			`{"n":[9007199254740993,1.0,1e2,0.1000000000000000055511151231257827]}`,
		},
		"input variable": {
			`{"query": "mutation ($i: UpdateMeInput!) { updateMe(input: $i) { user { metadata } } }",
				"variables": {"i": {"metadata": {"n": [9223372036854775808, -0]}}}}`,
			`{"n":[9223372036854775808,-0]}`,
		},
		"literal": {
			`{"query": "mutation { updateMe(input: {metadata: {n: [9007199254740993, 0.1]}}) { user { metadata } } }"}`,
			`{"n":[9007199254740993,0.1]}`,
		},
		"default": {
			`{"query": "mutation ($m: JSONObject = {n: [9007199254740993, []]}) { updateMe(input: {metadata: $m}) { user { metadata } } }"}`,
			`{"n":[9007199254740993,[]]}`,
		},
	}
	for database := range storetest.URLs {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			target := newTarget(t, database, false)
			for name, tt := range tests {
				if _, raw := target.send(t, "user", []byte(tt.body)); !strings.Contains(string(raw), tt.want) {
					t.Errorf("%s: %s, want %s", name, raw, tt.want)
				}
				if _, raw := target.send(t, "user", []byte(me)); !strings.Contains(string(raw), `{"me":{"metadata":`+tt.want) {
					t.Errorf("%s, in the next request: %s, want %s", name, raw, tt.want)
				}
			}
		})
	}
}

// TestMetadataLimits stores the largest object, byte by byte, and rejects larger ones, also as the sum of two changes.
func TestMetadataLimits(t *testing.T) {
	t.Parallel()
	const query = `mutation ($m: JSONObject) { updateMe(input: {metadata: $m}) { user { metadata } } }`
	of := func(size int) map[string]any {
		return map[string]any{"m": map[string]any{"a": strings.Repeat("é", (size-len(`{"a":""}`))/len("é"))}}
	}
	const tooLong = `"code":"TOO_LONG","message":"Use at most 8 KiB of JSON.","path":["input","metadata"]`
	for database := range storetest.URLs {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			target := newTarget(t, database, false)
			for _, step := range []struct {
				variables map[string]any
				want      string
			}{
				{of(jsonobject.MaxSize), `"data":{"updateMe":{"user":{"metadata":{"a":"éé`},
				{of(jsonobject.MaxSize + 2), tooLong},
				{map[string]any{"m": map[string]any{"b": true}}, tooLong},
				{map[string]any{"m": map[string]any{"a": nil, "b": true}}, `{"metadata":{"b":true}}`},
			} {
				_, raw := target.send(t, "user", encode(t, operations.Operation{Query: query, Variables: step.variables}))
				if !strings.Contains(string(raw), step.want) {
					t.Errorf("%.200s, want %s", raw, step.want)
				}
			}
		})
	}
}
