package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"usher/bench/scaling"
	"usher/internal/keyring"
)

const signupQuery = `mutation Signup($input: SignupInput!) { signup(input: $input) { accessToken } }`

// visits is a client that signs users in or up. The users are from all parts of the database.
type visits struct {
	address, query, answered string
	input                    func(n int) map[string]string
	n                        int
}

func (v *visits) request() []byte {
	body, err := json.Marshal(map[string]any{"query": v.query, "variables": map[string]any{"input": v.input(v.n)}})
	if err != nil {
		panic(err) // cannot happen: all values can be encoded
	}
	v.n++
	return post(v.address, "/graphql", "", body)
}

func (v *visits) answer(status int, body []byte) (verdict, error) {
	if status != http.StatusOK || !bytes.HasPrefix(body, []byte(v.answered)) || !bytes.HasSuffix(body, loginEnd) {
		return served, errWrong(status, body)
	}
	return served, nil
}

// scalingClients returns a client for a kind of operation.
func (b *bench) scalingClients(ctx context.Context, w *watch, server *process, p population, k scaling.Kind, requests int) ([]client, error) {
	switch k {
	case scaling.Me:
		t, err := b.usherTarget(ctx, p, server, w.at, keyring.DefaultAlgorithm)
		if err != nil {
			return nil, err
		}
		return walks(t.all, 1), nil
	case scaling.Refresh:
		clients, err := refreshers(ctx, p, server, w.at, 1, requests)
		if err != nil {
			return nil, err
		}
		// The sessions have begun at all times of the past. Their rows move among those of the others, as if they had.
		return clients, w.exec(ctx, `CLUSTER sessions USING sessions_pkey; VACUUM ANALYZE sessions`)
	case scaling.Login:
		return []client{&visits{server.address, loginQuery, string(loginStart), func(n int) map[string]string {
			return map[string]string{"identifier": userName(p.some(n)), "password": typedPassword}
		}, 0}}, nil
	default:
		return []client{&visits{server.address, signupQuery, `{"data":{"signup":{"accessToken":"eyJ`, func(n int) map[string]string {
			name := userName(p.some(n)) + "x" // so that it stands among the others in the indexes
			return map[string]string{"username": name, "email": name + "@example.com", "password": typedPassword}
		}, 0}}, nil
	}
}
